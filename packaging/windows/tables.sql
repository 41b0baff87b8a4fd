-- What wixl cannot write into an MSI, one statement a line, for msibuild.

-- Any other package of the same product up to this version is replaced, another build of this version too (256 + 512).
INSERT INTO `Upgrade` (`UpgradeCode`, `VersionMin`, `VersionMax`, `Attributes`, `ActionProperty`) VALUES ('{6E1B7B5C-6C44-4F1D-9D3E-0B7C5D7A41E2}', '0.0.0', '@VERSION@', 768, 'OLDERVERSION')
UPDATE `Property` SET `Value` = 'TELEGRAFDIR;EARLIERTELEGRAFDIR;TELEGRAFACCOUNT;TELEGRAFSTART;QLIKKEY;OLDERVERSION;NEWERVERSION;THISNODE' WHERE `Property` = 'SecureCustomProperties'
UPDATE `CustomAction` SET `Type` = 51 WHERE `Action` = 'KeepTelegrafDir'

-- QLIKKEY is set where the installer finds the key that Qlik Sense keeps on its nodes, at the path that the drop-in names.
INSERT INTO `AppSearch` (`Property`, `Signature_`) VALUES ('QLIKKEY', 'QlikKey')
INSERT INTO `Signature` (`Signature`, `FileName`) VALUES ('QlikKey', 'client_key.pem')
CREATE TABLE `DrLocator` (`Signature_` CHAR(72) NOT NULL, `Parent` CHAR(72), `Path` CHAR(255), `Depth` SHORT PRIMARY KEY `Signature_`, `Parent`, `Path`)
INSERT INTO `DrLocator` (`Signature_`, `Path`, `Depth`) VALUES ('QlikKey', 'C:\ProgramData\Qlik\Sense\Repository\Exported Certificates\.Local Certificates', 0)

-- The drop-in is laid where it works as it is, and nobody said THISNODE=no. It is never laid over one that is there (128), nor removed with its component (16), which a later version may lack here.
UPDATE `Component` SET `Attributes` = 400 WHERE `Component` = 'ThisNode'
UPDATE `Component` SET `Condition` = 'QLIKKEY AND NOT THISNODE ~= "no" AND ProgramFiles64Folder ~= "C:\Program Files\" AND (NOT TELEGRAFACCOUNT OR TELEGRAFACCOUNT ~= "LocalSystem")' WHERE `Component` = 'ThisNode'

-- The folder of drop-ins is never removed (16).
UPDATE `Component` SET `Attributes` = 272 WHERE `Component` = 'DropInFolder'

-- Drop-ins go with the program, edited or not: Telegraf does not start with one whose program is gone. The names are there for Wine, which knows no wildcards.
INSERT INTO `RemoveFile` (`FileKey`, `Component_`, `FileName`, `DirProperty`, `InstallMode`) VALUES ('ThisNode', 'Program', 'qlik-sense-version-this-node.conf', 'DROPINDIR', 2)
INSERT INTO `RemoveFile` (`FileKey`, `Component_`, `FileName`, `DirProperty`, `InstallMode`) VALUES ('OneFile', 'Program', 'qlik-sense-version.conf', 'DROPINDIR', 2)
INSERT INTO `RemoveFile` (`FileKey`, `Component_`, `FileName`, `DirProperty`, `InstallMode`) VALUES ('OthersOfThatName', 'Program', 'qlik-sense-version-*.conf', 'DROPINDIR', 2)

-- A service that is not there cannot be stopped, and one that is disabled not be started: the installation would fail.
UPDATE `Component` SET `Condition` = 'TELEGRAFACCOUNT AND TELEGRAFSTART <> "#4"' WHERE `Component` = 'Service'
