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

// buildMSI builds a package of a program and gives its path.
func buildMSI(t *testing.T, program, version string) string {
	t.Helper()
	msi := filepath.Join(t.TempDir(), "package.msi")
	require.NoError(t, finish(exec.Command(rig.Root+"/packaging/windows/msi.sh", program, version, msi), nil))
	return msi
}

// packages are two versions of the MSI, of programs that differ in a byte at the end, which the
// system does not look at.
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
		if err := finish(exec.Command(rig.Root+"/packaging/windows/msi.sh", exe, version, msi), nil); err != nil {
			return two, err
		}
		if two[i], err = os.ReadFile(msi); err != nil {
			return two, err
		}
	}
	return two, nil
})

// withPackages gives a computer with both packages on drive C:.
func withPackages(t *testing.T) *computer {
	t.Helper()
	c := newComputer(t)
	two, err := packages()
	require.NoError(t, err)
	c.write("old.msi", string(two[0]))
	c.write("new.msi", string(two[1]))
	return c
}

// msiexec calls the installer without a window; it must succeed.
func (c *computer) msiexec(args ...string) {
	c.Helper()
	c.do("msiexec", append(args, "/qn")...)
}

// makeNode lays the certificates of the site where Qlik Sense keeps them.
func (c *computer) makeNode() {
	c.Helper()
	for _, name := range []string{"root.pem", "client.pem", "client_key.pem"} {
		c.copy(filepath.Join(c.SiteDir, name), qlikCertificates+"/"+name)
	}
}

// files are those below a folder of drive C:, sorted.
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

// laid are the files of the package without a drop-in.
var laid = []string{
	"telegraf-qlik-sense-version.exe",
	"telegraf-qlik-sense-version/LICENSE.txt",
	"telegraf-qlik-sense-version/NOTICE.txt",
	"telegraf-qlik-sense-version/sample.conf",
	"telegraf.d/qlik-sense-version-this-node.conf.example",
	"telegraf.d/qlik-sense-version.conf.example",
}

func with(files []string, more ...string) []string {
	return slices.Sorted(slices.Values(append(slices.Clone(files), more...)))
}

// On a node of Qlik Sense nothing has to be edited.
func TestMSIOnANode(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	_, hosts := c.Start(simulator.Server{Name: "another-name.example.com"})
	c.msiexec("/i", `C:\old.msi`)
	require.Equal(t, with(laid, "telegraf.d/"+thisNode), c.files("Program Files/Telegraf"))
	require.Equal(t, c.Read(rig.Root+"/deploy/telegraf.d/windows/"+thisNode), c.Read(c.path(dropIns+thisNode)))

	// Telegraf asks this computer, whose name is the address of the simulated server here.
	c.addTelegraf()
	c.write("try.cmd", "@set COMPUTERNAME="+hosts[0]+"\r\n"+
		`@"`+telegraf+`" --config-directory "C:\Program Files\Telegraf\telegraf.d" --test --test-wait 15`+"\r\n")
	output := c.do("cmd", "/c", `C:\try.cmd`)
	require.Regexp(t, `> qlik_sense_version,host=\S+,source=`+hosts[0]+` .*result="success"`, output)

	// An upgrade lays the new program and leaves an edited drop-in.
	edited := c.Read(c.path(dropIns+thisNode)) + "# edited\n"
	c.write(dropIns+thisNode, edited)
	c.msiexec("/i", `C:\new.msi`)
	require.Equal(t, edited, c.Read(c.path(dropIns+thisNode)))
	program, err := os.Stat(c.path("Program Files/Telegraf/telegraf-qlik-sense-version.exe"))
	require.NoError(t, err)
	before, err := os.Stat(c.Tools.Plugin)
	require.NoError(t, err)
	require.Equal(t, before.Size()+1, program.Size(), "the program is the new one")

	// An uninstall takes the drop-in along, edited or not.
	c.msiexec("/x", `C:\new.msi`)
	require.Equal(t, []string{"telegraf.conf", "telegraf.exe"}, c.files("Program Files/Telegraf"))
}

// Elsewhere, and wherever the drop-in would not work as it is, there are only examples.
func TestMSIElsewhere(t *testing.T) {
	service := `HKLM\SYSTEM\CurrentControlSet\Services\telegraf`
	more := map[string][]string{"told so": {"THISNODE=No"}}
	for name, prepare := range map[string]func(c *computer){
		"no node": func(*computer) {},
		"told so": func(*computer) {},
		"no key":  func(c *computer) { require.NoError(c, os.Remove(c.path(qlikCertificates+"/client_key.pem"))) },
		"another account": func(c *computer) {
			c.do("reg", "add", service, "/v", "ObjectName", "/d", `CORP\telegraf`, "/f")
			c.do("reg", "add", service, "/v", "Start", "/t", "REG_DWORD", "/d", "4", "/f") // there is no program to start
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := withPackages(t)
			if name != "no node" {
				c.makeNode()
			}
			prepare(c)
			c.msiexec(append([]string{"/i", `C:\old.msi`}, more[name]...)...)
			require.Equal(t, laid, c.files("Program Files/Telegraf"))
			// Made active, it goes with the program all the same.
			c.copy(c.path(dropIns+"qlik-sense-version.conf.example"), dropIns+"qlik-sense-version.conf")
			c.msiexec("/x", `C:\old.msi`)
			require.Empty(t, c.files("Program Files/Telegraf"))
		})
	}
}

// TELEGRAFDIR is where the drop-in goes; an upgrade finds it by itself.
func TestMSIWithAnotherFolder(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	c.msiexec("/i", `C:\old.msi`, `TELEGRAFDIR=C:\Dienste\Telegraf Größe`)
	dropIn := with(laid[4:], "telegraf.d/"+thisNode)
	require.Equal(t, dropIn, c.files("Dienste/Telegraf Größe"))
	require.Equal(t, laid[:4], c.files("Program Files/Telegraf"))
	c.msiexec("/i", `C:\new.msi`)
	require.Equal(t, dropIn, c.files("Dienste/Telegraf Größe"))
	require.Equal(t, laid[:4], c.files("Program Files/Telegraf"))
	c.msiexec("/x", `C:\new.msi`)
	require.Empty(t, c.files("Dienste"))
	require.Empty(t, c.files("Program Files/Telegraf"))
}

// Telegraf's service stops for each change and starts again after it.
func TestMSIWithAService(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	require.NoError(t, compile("service.c", c.path("service.exe")))
	c.do("sc", "create", "telegraf", "binPath=", `C:\service.exe`)
	c.do("sc", "start", "telegraf")
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
	require.Contains(t, c.do("sc", "query", "telegraf"), "RUNNING")
}

// A service that is disabled stays as it is, and is no reason to fail.
func TestMSIWithADisabledService(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	require.NoError(t, compile("service.c", c.path("service.exe")))
	c.do("sc", "create", "telegraf", "binPath=", `C:\service.exe`, "start=", "disabled")
	c.msiexec("/i", `C:\old.msi`)
	require.Equal(t, with(laid, "telegraf.d/"+thisNode), c.files("Program Files/Telegraf"))
	require.NoFileExists(t, c.path("service.log"))
}

// table reads a table of an MSI: rows by the name of the column.
func table(t *testing.T, msi, name string) []map[string]string {
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

// What Wine's installer does not look at, or would do right by chance.
func TestMSITables(t *testing.T) {
	skipUnlessEnabled(t)
	msi := buildMSI(t, filepath.Join(rig.Root, ".bin", "telegraf-qlik-sense-version.exe"), "1.2.3+dirty")

	sequence := make(map[string]int)
	for _, file := range table(t, msi, "File") {
		n, err := strconv.Atoi(file["Sequence"])
		require.NoError(t, err)
		sequence[file["File"]] = n
	}
	require.Len(t, sequence, len(laid)+1)
	require.Equal(t, 1, sequence["Program"], "the program comes first")
	require.Equal(t, len(sequence), sequence["ThisNode"], "the drop-in comes last")

	for _, component := range table(t, msi, "Component") {
		attributes, err := strconv.Atoi(component["Attributes"])
		require.NoError(t, err)
		require.Equal(t, 256, attributes&256, "%s is for 64 bits", component["Component"])
		require.Equal(t, component["Component"] == "ThisNode", attributes&(128+16) == 128+16, "never overwritten, permanent: %s", component["Component"])
	}
	services := table(t, msi, "ServiceControl")
	require.Len(t, services, 1)
	for _, service := range services {
		require.Equal(t, []string{"telegraf", "51", "0"}, []string{service["Name"], service["Event"], service["Wait"]})
	}
	actions := make(map[string]int)
	for _, action := range table(t, msi, "InstallExecuteSequence") {
		n, err := strconv.Atoi(action["Sequence"])
		require.NoError(t, err)
		actions[action["Action"]] = n
	}
	require.Greater(t, actions["RemoveExistingProducts"], actions["InstallFinalize"])
	properties := make(map[string]string)
	for _, property := range table(t, msi, "Property") {
		properties[property["Property"]] = property["Value"]
	}
	require.Equal(t, "1.2.3", properties["ProductVersion"])
	require.Equal(t, "1", properties["ALLUSERS"])
	require.Subset(t, strings.Split(properties["SecureCustomProperties"], ";"), []string{"TELEGRAFDIR", "THISNODE", "OLDERVERSION", "NEWERVERSION"})

	// Wine does not show these: what replaces what, and that an older package is refused.
	upgrades := make(map[string]string)
	for _, row := range table(t, msi, "Upgrade") {
		upgrades[row["ActionProperty"]] = strings.Join([]string{row["VersionMin"], row["VersionMax"], row["Attributes"]}, " ")
	}
	require.Equal(t, map[string]string{"OLDERVERSION": "0.0.0 1.2.3 768", "NEWERVERSION": "1.2.3  2"}, upgrades)
	conditions := table(t, msi, "LaunchCondition")
	require.Len(t, conditions, 1)
	require.Equal(t, "NOT NEWERVERSION OR Installed", conditions[0]["Condition"])
	removals := table(t, msi, "RemoveFile")
	removed := make([]string, 0, len(removals))
	for _, row := range removals {
		require.Equal(t, []string{"Program", "DROPINDIR", "2"}, []string{row["Component_"], row["DirProperty"], row["InstallMode"]}, "at the removal of the program")
		removed = append(removed, row["FileName"])
	}
	require.ElementsMatch(t, []string{"qlik-sense-version-this-node.conf", "qlik-sense-version.conf", "qlik-sense-version-*.conf"}, removed)
}

// Of two builds only the time of creation differs, twice eight bytes at most.
func TestMSIIsReproducible(t *testing.T) {
	skipUnlessEnabled(t)
	program := filepath.Join(rig.Root, ".bin", "telegraf-qlik-sense-version.exe")
	first, err := os.ReadFile(buildMSI(t, program, "1.2.3"))
	require.NoError(t, err)
	second, err := os.ReadFile(buildMSI(t, program, "1.2.3"))
	require.NoError(t, err)
	require.Len(t, second, len(first))
	differ := 0
	for i := range first {
		if first[i] != second[i] {
			differ++
		}
	}
	require.LessOrEqual(t, differ, 16)
}

func TestMSINeedsAVersion(t *testing.T) {
	skipUnlessEnabled(t)
	output, err := exec.Command(rig.Root+"/packaging/windows/msi.sh", "x.exe", "devel", "x.msi").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), `"devel" does not begin with three numbers, such as 1.2.3`)
}
