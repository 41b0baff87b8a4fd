//go:build linux

package windows

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

const (
	thisNode         = "qlik-sense-version-this-node.conf"
	qlikCertificates = "ProgramData/Qlik/Sense/Repository/Exported Certificates/.Local Certificates"
)

// buildMSI builds the MSI of a program and returns its path.
func buildMSI(t *testing.T, program, version string) string {
	t.Helper()
	msi := filepath.Join(t.TempDir(), "package.msi")
	require.NoError(t, runCommand(exec.Command(rig.Root+"/packaging/windows/msi.sh", program, version, msi), nil))
	return msi
}

// packages builds two versions of the MSI. The second program has an extra byte at its end, which
// Windows ignores.
var packages = sync.OnceValues(func() (two [2][]byte, err error) {
	dir, err := os.MkdirTemp("", "qlik-sense-msi-")
	if err != nil {
		return two, err
	}
	defer os.RemoveAll(dir)
	program, err := os.ReadFile(filepath.Join(rig.Root, ".bin", "telegraf-qlik-sense-version.exe"))
	if err != nil {
		return two, err
	}
	for i, version := range []string{"v1.2.3", "v1.2.4-5-gabcdef0"} {
		exe, msi := filepath.Join(dir, "program.exe"), filepath.Join(dir, "package.msi")
		if err := os.WriteFile(exe, append(program, make([]byte, i)...), 0o600); err != nil {
			return two, err
		}
		if err := runCommand(exec.Command(rig.Root+"/packaging/windows/msi.sh", exe, version, msi), nil); err != nil {
			return two, err
		}
		if two[i], err = os.ReadFile(msi); err != nil {
			return two, err
		}
	}
	return two, nil
})

// withPackages returns a computer with both packages on drive C:.
func withPackages(t *testing.T) *computer {
	t.Helper()
	c := newComputer(t)
	two, err := packages()
	require.NoError(t, err)
	c.write("old.msi", string(two[0]))
	c.write("new.msi", string(two[1]))
	return c
}

// msiexec runs the installer silently; it must succeed.
func (c *computer) msiexec(args ...string) {
	c.Helper()
	c.mustRun("msiexec", append(args, "/qn")...)
}

// makeNode makes the computer a Qlik Sense node: it has the site's certificates where Qlik Sense keeps them.
func (c *computer) makeNode() {
	c.Helper()
	c.copyCertificates(qlikCertificates)
}

// copyCertificates copies the site's certificates to a folder of drive C:.
func (c *computer) copyCertificates(folder string) {
	c.Helper()
	for _, name := range []string{"root.pem", "client.pem", "client_key.pem"} {
		c.copy(filepath.Join(c.SiteDir, name), folder+"/"+name)
	}
}

// files returns the files below a folder of drive C:, sorted.
func (c *computer) files(folder string) []string {
	c.Helper()
	files := []string{}
	err := filepath.WalkDir(c.path(folder), func(path string, entry os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, c.path(folder)+"/"))
		}
		return err
	})
	require.NoError(c, err)
	slices.Sort(files)
	return files
}

// packageFiles are the files that the MSI always installs.
var packageFiles = []string{
	"telegraf-qlik-sense-version.exe",
	"telegraf-qlik-sense-version/LICENSE.txt",
	"telegraf-qlik-sense-version/NOTICE.txt",
	"telegraf-qlik-sense-version/sample.conf",
	"telegraf.d/qlik-sense-version-this-node.conf.example",
	"telegraf.d/qlik-sense-version.conf.example",
}

func appendSorted(files []string, more ...string) []string {
	return slices.Sorted(slices.Values(append(slices.Clone(files), more...)))
}

// On a Qlik Sense node the MSI installs a drop-in that works without any edits.
func TestMSIOnNode(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	_, hosts := c.Start(simulator.Server{Name: "another-name.example.com"})
	c.msiexec("/i", `C:\old.msi`)
	require.Equal(t, appendSorted(packageFiles, "telegraf.d/"+thisNode), c.files("Program Files/Telegraf"))
	require.Equal(t, c.Read(rig.Root+"/deploy/telegraf.d/windows/"+thisNode), c.Read(c.path(dropIns+thisNode)))

	// The drop-in polls COMPUTERNAME: here the address of the simulated server.
	c.addTelegraf()
	c.write("try.cmd", "@set COMPUTERNAME="+hosts[0]+"\r\n"+
		`@"`+telegraf+`" --config-directory "C:\Program Files\Telegraf\telegraf.d" --test --test-wait 15`+"\r\n")
	output := c.mustRun("cmd", "/c", `C:\try.cmd`)
	require.Regexp(t, `> qlik_sense_version,host=\S+,source=`+hosts[0]+` .*result="success"`, output)

	// An upgrade replaces the program and keeps an edited drop-in.
	edited := c.Read(c.path(dropIns+thisNode)) + "# edited\n"
	c.write(dropIns+thisNode, edited)
	c.msiexec("/i", `C:\new.msi`)
	require.Equal(t, edited, c.Read(c.path(dropIns+thisNode)))
	program, err := os.Stat(c.path("Program Files/Telegraf/telegraf-qlik-sense-version.exe"))
	require.NoError(t, err)
	before, err := os.Stat(c.Tools.Plugin)
	require.NoError(t, err)
	require.Equal(t, before.Size()+1, program.Size(), "the program was not replaced")

	// An uninstall removes the drop-in, edited or not.
	c.msiexec("/x", `C:\new.msi`)
	require.Equal(t, []string{"telegraf.conf", "telegraf.exe"}, c.files("Program Files/Telegraf"))
	require.DirExists(t, c.path(dropIns), "Telegraf does not start if its service names a missing folder")
}

// The MSI installs only examples where the drop-in would not work unedited.
func TestMSIWithoutDropIn(t *testing.T) {
	service := `HKLM\SYSTEM\CurrentControlSet\Services\telegraf`
	properties := map[string][]string{"THISNODE=No": {"THISNODE=No"}}
	for name, prepare := range map[string]func(c *computer){
		"not a node":  func(*computer) {},
		"THISNODE=No": func(*computer) {},
		"no key":      func(c *computer) { require.NoError(c, os.Remove(c.path(qlikCertificates+"/client_key.pem"))) },
		"another account": func(c *computer) {
			c.mustRun("reg", "add", service, "/v", "ObjectName", "/d", `CORP\telegraf`, "/f")
			c.mustRun("reg", "add", service, "/v", "Start", "/t", "REG_DWORD", "/d", "4", "/f") // there is no service program to start
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := withPackages(t)
			if name != "not a node" {
				c.makeNode()
			}
			prepare(c)
			c.msiexec(append([]string{"/i", `C:\old.msi`}, properties[name]...)...)
			require.Equal(t, packageFiles, c.files("Program Files/Telegraf"))
			// An example that was activated is removed with the program.
			c.copy(c.path(dropIns+"qlik-sense-version.conf.example"), dropIns+"qlik-sense-version.conf")
			c.msiexec("/x", `C:\old.msi`)
			require.Empty(t, c.files("Program Files/Telegraf"))
		})
	}
}

// The drop-in goes to TELEGRAFDIR, which an upgrade remembers.
func TestMSITelegrafDir(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	c.msiexec("/i", `C:\old.msi`, `TELEGRAFDIR=C:\Dienste\Telegraf Größe`)
	dropIn := appendSorted(packageFiles[4:], "telegraf.d/"+thisNode)
	require.Equal(t, dropIn, c.files("Dienste/Telegraf Größe"))
	require.Equal(t, packageFiles[:4], c.files("Program Files/Telegraf"))
	c.msiexec("/i", `C:\new.msi`)
	require.Equal(t, dropIn, c.files("Dienste/Telegraf Größe"))
	require.Equal(t, packageFiles[:4], c.files("Program Files/Telegraf"))
	c.msiexec("/x", `C:\new.msi`)
	require.Empty(t, c.files("Dienste"))
	require.Empty(t, c.files("Program Files/Telegraf"))
}

// The MSI stops Telegraf's service for each change and starts it again.
func TestMSIRestartsService(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	require.NoError(t, compile("service.c", c.path("service.exe")))
	c.mustRun("sc", "create", "telegraf", "binPath=", `C:\service.exe`)
	c.mustRun("sc", "start", "telegraf")
	starts := 1
	awaitStart := func() {
		require.Eventually(t, func() bool {
			log, err := os.ReadFile(c.path("service.log"))
			return err == nil && strings.HasSuffix(strings.ReplaceAll(string(log), "\r", ""), strings.Repeat("stopped\nstarted\n", starts-1)) &&
				strings.Count(string(log), "started") == starts
		}, patience, 50*time.Millisecond)
	}
	awaitStart()
	for _, change := range [][]string{{"/i", `C:\old.msi`}, {"/i", `C:\new.msi`}, {"/x", `C:\new.msi`}} {
		c.msiexec(change...)
		starts++
		awaitStart()
	}
	require.Contains(t, c.mustRun("sc", "query", "telegraf"), "RUNNING")
}

// A disabled service stays disabled and does not make the MSI fail.
func TestMSIDisabledService(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	require.NoError(t, compile("service.c", c.path("service.exe")))
	c.mustRun("sc", "create", "telegraf", "binPath=", `C:\service.exe`, "start=", "disabled")
	c.msiexec("/i", `C:\old.msi`)
	require.Equal(t, appendSorted(packageFiles, "telegraf.d/"+thisNode), c.files("Program Files/Telegraf"))
	require.NoFileExists(t, c.path("service.log"))
}

// exportTable returns the rows of a table of an MSI, by column name.
func exportTable(t *testing.T, msi, name string) []map[string]string {
	t.Helper()
	output, err := exec.Command("msiinfo", "export", msi, name).Output()
	require.NoError(t, err)
	reader := csv.NewReader(bytes.NewReader(output))
	reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = '\t', true, -1
	lines, err := reader.ReadAll()
	require.NoError(t, err)
	rows := make([]map[string]string, 0, len(lines))
	for _, line := range lines[3:] { // names, types, keys
		row := make(map[string]string)
		for i, value := range line {
			row[lines[0][i]] = value
		}
		rows = append(rows, row)
	}
	return rows
}

// The tables that Wine's installer ignores, or satisfies by chance.
func TestMSITables(t *testing.T) {
	skipUnlessEnabled(t)
	msi := buildMSI(t, filepath.Join(rig.Root, ".bin", "telegraf-qlik-sense-version.exe"), "1.2.3+dirty")

	sequence := make(map[string]int)
	for _, file := range exportTable(t, msi, "File") {
		n, err := strconv.Atoi(file["Sequence"])
		require.NoError(t, err)
		sequence[file["File"]] = n
	}
	require.Len(t, sequence, len(packageFiles)+1)
	require.Equal(t, 1, sequence["Program"], "the program must come first")
	require.Equal(t, len(sequence), sequence["ThisNode"], "the drop-in must come last")

	permanent := make(map[string]bool)
	for _, component := range exportTable(t, msi, "Component") {
		attributes, err := strconv.Atoi(component["Attributes"])
		require.NoError(t, err)
		require.Equal(t, 256, attributes&256, "%s is not a 64-bit component", component["Component"])
		require.Equal(t, component["Component"] == "ThisNode", attributes&(128+16) == 128+16,
			"%s: only the drop-in is permanent and never overwritten", component["Component"])
		permanent[component["Component"]] = attributes&16 != 0
	}
	for _, folder := range exportTable(t, msi, "CreateFolder") {
		require.Equal(t, folder["Directory_"] == "DROPINDIR", permanent[folder["Component_"]],
			"%s: the folder of drop-ins stays, and no component that goes may take it along", folder["Component_"])
	}
	services := exportTable(t, msi, "ServiceControl")
	require.Len(t, services, 1)
	for _, service := range services {
		require.Equal(t, []string{"telegraf", "51", "0"}, []string{service["Name"], service["Event"], service["Wait"]})
	}
	actions := make(map[string]int)
	for _, action := range exportTable(t, msi, "InstallExecuteSequence") {
		n, err := strconv.Atoi(action["Sequence"])
		require.NoError(t, err)
		actions[action["Action"]] = n
	}
	require.Greater(t, actions["RemoveExistingProducts"], actions["InstallFinalize"])
	properties := make(map[string]string)
	for _, property := range exportTable(t, msi, "Property") {
		properties[property["Property"]] = property["Value"]
	}
	require.Equal(t, "1.2.3", properties["ProductVersion"])
	require.Equal(t, "1", properties["ALLUSERS"])
	require.Subset(t, strings.Split(properties["SecureCustomProperties"], ";"), []string{"TELEGRAFDIR", "THISNODE", "OLDERVERSION", "NEWERVERSION"})

	// An upgrade replaces older versions, and a downgrade is refused.
	upgrades := make(map[string]string)
	for _, row := range exportTable(t, msi, "Upgrade") {
		upgrades[row["ActionProperty"]] = strings.Join([]string{row["VersionMin"], row["VersionMax"], row["Attributes"]}, " ")
	}
	require.Equal(t, map[string]string{"OLDERVERSION": "0.0.0 1.2.3 768", "NEWERVERSION": "1.2.3  2"}, upgrades)
	conditions := exportTable(t, msi, "LaunchCondition")
	require.Len(t, conditions, 1)
	require.Equal(t, "NOT NEWERVERSION OR Installed", conditions[0]["Condition"])
	removals := exportTable(t, msi, "RemoveFile")
	removed := make([]string, 0, len(removals))
	for _, row := range removals {
		require.Equal(t, []string{"Program", "DROPINDIR", "2"}, []string{row["Component_"], row["DirProperty"], row["InstallMode"]}, "removed with the program")
		removed = append(removed, row["FileName"])
	}
	require.ElementsMatch(t, []string{"qlik-sense-version-this-node.conf", "qlik-sense-version.conf", "qlik-sense-version-*.conf"}, removed)
}

// Two builds differ only in two timestamps of eight bytes.
func TestMSIIsReproducible(t *testing.T) {
	skipUnlessEnabled(t)
	program := filepath.Join(rig.Root, ".bin", "telegraf-qlik-sense-version.exe")
	first, err := os.ReadFile(buildMSI(t, program, "1.2.3"))
	require.NoError(t, err)
	second, err := os.ReadFile(buildMSI(t, program, "1.2.3"))
	require.NoError(t, err)
	require.Len(t, second, len(first))
	differing := 0
	for i := range first {
		if first[i] != second[i] {
			differing++
		}
	}
	require.LessOrEqual(t, differing, 16)
}

func TestMSIVersion(t *testing.T) {
	skipUnlessEnabled(t)
	output, err := exec.Command(rig.Root+"/packaging/windows/msi.sh", "x.exe", "devel", "x.msi").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), `"devel" does not begin with three numbers, such as 1.2.3`)
}
