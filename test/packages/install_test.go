//go:build linux

package packages

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

const (
	settingsFolder = "/etc/telegraf-qlik-sense-version"
	program        = "/usr/bin/" + name
	dropIn         = "/etc/telegraf/telegraf.d/qlik-sense-version.conf"
	catalogFile    = "/var/lib/telegraf-qlik-sense/catalog.toml"
	catalogTimer   = "telegraf-qlik-sense-catalog.timer"
)

// kind is a kind of package, and what the guide calls its tool.
type kind struct {
	tool, pattern, downgrade string
	needs                    []string
}

var kinds = map[string]kind{
	"deb": {"apt", name + "_*.deb", "apt install --allow-downgrades --yes", []string{"dpkg", "apt"}},
	"rpm": {"dnf", name + "-*.rpm", "dnf downgrade", []string{"rpm"}},
}

// The page docs/install-linux.md, from its first command to its last, as a new user would type them,
// for both kinds of package: installed, upgraded, taken back and removed while a real Telegraf runs
// with rounds every second.
func TestInstallationGuide(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			need(t, kind.needs...)
			g := newGuide(t, kind)
			for _, s := range rig.Snippets(t, rig.Root+"/docs/install-linux.md") {
				require.Equal(t, "sh", s.Language)
				if other := map[string]string{"apt": "dnf", "dnf": "apt"}[kind.tool]; strings.Contains(s.Text, other+" ") {
					continue
				}
				for line := range strings.Lines(s.Text) {
					g.do(strings.TrimSpace(line))
				}
			}
			g.requireAllPoints()
			require.Equal(t, []string{"checked", "installed", "certificates", "drop-in", "tried", "running", "upgraded", "running", "back", "running",
				"timer", "removed", "running"}, g.steps)
		})
	}
}

// guide is a machine on which somebody follows the page.
type guide struct {
	*machine
	kind    kind
	fleet   *simulator.Fleet
	hosts   []string
	agent   *stack.Process // Telegraf, once it was started
	version string         // of the program that Telegraf runs
	before  []int          // requests to the servers before Telegraf was started
	ends    int            // of the program under Telegraf
	steps   []string
}

func newGuide(t *testing.T, kind kind) *guide {
	t.Helper()
	packagesOf(t, older)
	packagesOf(t, newer)
	r := rig.New(t)
	g := &guide{machine: newMachine(r), kind: kind}
	g.fleet, g.hosts = r.Start(simulator.Server{}, simulator.Server{})
	// There is no Telegraf without any input.
	g.write("/etc/telegraf/telegraf.d/alive.conf", "[[inputs.exec]]\n  commands = [\"/bin/echo alive value=1\"]\n  data_format = \"influx\"\n", 0o644)
	g.lay(older)
	for _, file := range []string{"root.pem", "client.pem", "client_key.pem"} {
		g.copy(filepath.Join(r.SiteDir, file), "/root/qlik/"+file, 0o600)
	}
	// What needs a terminal or a service manager. A test's servers answer with a fixed day, so
	// that only data of any age prove something.
	edit := `sed -i 's|"qlik1.example.com", "qlik2.example.com"|` + stack.Quote(g.hosts) + `|; s|"6h"|"1s"|; /collection_jitter/d; ` +
		`s|^  tls_ca|  catalog_max_age = "36500d"\n  catalog_file = "` + catalogFile + `"\n&|' "$1"`
	for name, script := range map[string]string{
		"sudo":      `if [ "$1" = -u ]; then user=$2; shift 2; exec setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"; fi; exec "$@"`,
		"sudoedit":  edit,
		"systemctl": `echo "$*" >>/root/systemctl.log`,
		"dnf": `case $1 in remove) rpm --erase "$2" ;; install) rpm --install --force-debian --nodeps "$2" ;; ` +
			`upgrade) rpm --upgrade --force-debian --nodeps "$2" ;; downgrade) rpm --upgrade --oldpackage --force-debian --nodeps "$2" ;; esac`,
	} {
		g.run("rm -f /usr/bin/" + name) // apt looks for commands there alone
		g.write("/usr/bin/"+name, "#!/bin/bash\n"+script+"\n", 0o755)
	}
	g.write("/run/systemd/system/here", "", 0o644) // so that the packages believe in a systemd
	g.copy(rig.Root+"/internal/catalog/catalog.toml", catalogFile, 0o644)
	return g
}

// lay puts the package of a version in the place of another one.
func (g *guide) lay(version string) {
	g.Helper()
	folder := packagesOf(g.T, version)
	g.run("mkdir -p /root/qlik; rm -f /root/qlik/" + name + "*")
	for _, file := range []string{one(g.T, folder, g.kind.pattern), folder + "/SHA256SUMS"} {
		g.copy(file, "/root/qlik/"+filepath.Base(file), 0o644)
	}
}

// do runs a line of the page and checks what came of it.
func (g *guide) do(line string) {
	g.Helper()
	host := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	command := strings.NewReplacer("_amd64", "_"+runtime.GOARCH, "x86_64", host, "--test-wait 15", "--test-wait 3",
		"apt install", "apt install --yes", "apt remove", "apt remove --yes").Replace(line)
	install := strings.Contains(line, g.kind.tool+" install") || strings.Contains(line, g.kind.tool+" upgrade")
	if g.agent != nil && install {
		g.lay(newer)
		g.change(command, "upgraded", newer)
		return
	}
	output := g.run("cd /root/qlik; " + command)
	switch {
	case strings.HasPrefix(line, "sha256sum"):
		require.Equal(g, 1, strings.Count(output, ": OK\n"))
		g.did("checked")
	case install:
		require.Contains(g, output, "nothing runs yet. The next steps are in /usr/share/doc/"+name+"/docs/install-linux.md")
		require.FileExists(g, g.path("/usr/share/doc/"+name+"/docs/install-linux.md"))
		require.Equal(g, "750 root:telegraf", g.stat(settingsFolder))
		require.Equal(g, "755 root:root", g.stat(program))
		require.NoFileExists(g, g.path(dropIn))
		require.NotContains(g, g.Read(g.path("/root/systemctl.log")), "able", "the timer is off")
		requireVersion(g.T, g.path(program), older)
		g.run("grep -q " + name + " /usr/share/bash-completion/completions/" + name + "; test -s /usr/share/man/man1/" + name + ".1.gz; " +
			"test -s /usr/share/doc/" + name + "/NOTICE; test -s /usr/share/" + name + "/sample.conf; test -s /usr/lib/systemd/system/" + catalogTimer +
			"; test -s /usr/share/" + name + "/grafana/dashboards/fleet.json")
		g.did("installed")
	case strings.Contains(line, "client_key.pem /etc"):
		require.Equal(g, "640 root:telegraf", g.stat(settingsFolder+"/client_key.pem"))
		g.did("certificates")
	case strings.Contains(line, "sudoedit"):
		require.Equal(g, "640 root:telegraf", g.stat(dropIn))
		g.did("drop-in")
	case strings.Contains(line, "--test "):
		require.GreaterOrEqual(g, strings.Count(output, `result="success"`), len(g.hosts), output)
		g.did("tried")
	case strings.Contains(line, "systemctl reload") && g.agent == nil:
		g.before = []int{g.fleet.Requests(0), g.fleet.Requests(1)}
		g.agent, g.version = g.telegraf(), older
		g.awaitRounds()
		g.did("running")
	case strings.Contains(line, "systemctl reload"):
		g.reload()
		if g.steps[len(g.steps)-1] == "running" && g.version == newer {
			g.wayBack()
		}
	case strings.Contains(line, "enable --now"):
		require.Contains(g, g.Read(g.path("/root/systemctl.log")), "enable --now "+catalogTimer+"\n")
		g.did("timer")
	case strings.Contains(line, g.kind.tool+" remove"):
		g.requireRemoved(output)
		g.did("removed")
	case strings.HasPrefix(line, "rm "):
		require.Empty(g, g.run("find /root/qlik -name '*.pem'"))
	}
}

func (g *guide) did(step string) { g.steps = append(g.steps, step) }

// stat gives mode, owner and group of a file.
func (g *guide) stat(file string) string {
	g.Helper()
	return strings.TrimSpace(g.run("stat -c '%a %U:%G' " + file))
}

// wayBack is the older package over the newer one.
func (g *guide) wayBack() {
	g.Helper()
	g.lay(older)
	g.change(g.kind.downgrade+" ./"+name+"*."+map[string]string{"apt": "deb", "dnf": "rpm"}[g.kind.tool], "back", older)
	g.reload()
}

// change installs another version over the one that Telegraf runs. The program is there at every
// moment, the running one goes on, and what is the administrator's stays as it is.
func (g *guide) change(command, step, version string) {
	g.Helper()
	kept := "cd /; sha256sum " + dropIn + " " + settingsFolder + "/* " + catalogFile + "; stat -c '%a %U:%G' " + settingsFolder + " " + dropIn
	before := g.run(kept)
	pid := g.child()

	done, missing := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(missing)
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := os.Stat(g.path(program)); err != nil {
				missing <- err
				return
			}
			time.Sleep(50 * time.Microsecond)
		}
	}()
	output := g.run("cd /root/qlik; " + command)
	close(done)
	require.NoError(g, <-missing, "a program that is missing when execd restarts it is never started again")

	require.Contains(g, output, "Telegraf keeps running the version that it started until: systemctl reload telegraf")
	require.Equal(g, before, g.run(kept))
	requireVersion(g.T, g.path(program), version)
	g.awaitRounds()
	require.Equal(g, pid, g.child())
	requireVersion(g.T, fmt.Sprintf("/proc/%d/exe", pid), g.version)
	require.NotContains(g, g.Read(g.path("/root/systemctl.log")), "disable", "the timer stays as it is")
	g.version = version
	g.did(step)
}

// child is the process number of the program under Telegraf.
func (g *guide) child() int {
	g.Helper()
	for range 100 { // inputs.exec runs something, too
		pid, err := g.agent.Child(rig.Patience)
		require.NoError(g, err)
		if command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.HasPrefix(string(command), program) {
			return pid
		}
	}
	require.Fail(g, "Telegraf does not run the program", g.agent.Output())
	return 0
}

// reload lets Telegraf change over to what is installed now.
func (g *guide) reload() {
	g.Helper()
	starts := strings.Count(g.agent.Output(), "Starting process")
	ends := strings.Count(g.agent.Output(), "Loading config: /etc/telegraf/telegraf.conf")
	require.NoError(g, g.agent.Signal(syscall.SIGHUP))
	g.ends++
	require.NoError(g, g.agent.Await("Loading config: /etc/telegraf/telegraf.conf", ends+1, rig.Patience))
	if g.steps[len(g.steps)-1] == "removed" {
		g.requireWithoutProgram()
	} else {
		require.NoError(g, g.agent.Await("Starting process", starts+1, rig.Patience))
		requireVersion(g.T, fmt.Sprintf("/proc/%d/exe", g.child()), g.version)
		g.awaitRounds()
	}
	g.did("running")
}

// awaitRounds waits until two more rounds are in the database, and for no failed poll in any.
func (g *guide) awaitRounds() {
	g.Helper()
	require.Empty(g, g.Points(0, "result != 'success'"))
	g.Points(len(g.Points(0, ""))+2*len(g.hosts), "")
	require.Empty(g, g.Points(0, "result != 'success' or compliance != 'compliant'"))
	for line := range strings.Lines(g.agent.Output()) {
		// Telegraf's execd, now and then, of the pipes of a process that it stops.
		if !strings.HasSuffix(strings.TrimSpace(line), "file already closed") {
			require.NotContains(g, line, " E! ")
		}
	}
}

// requireRemoved: Telegraf goes on, also with the program, and will start again without it.
func (g *guide) requireRemoved(output string) {
	g.Helper()
	require.NoFileExists(g, g.path(program))
	require.Contains(g, output, "the drop-in is now "+dropIn+".removed, because Telegraf would not start with it any more")
	require.Contains(g, output, "not removed, because it holds settings, certificates or data: "+
		settingsFolder+" /var/lib/telegraf-qlik-sense "+dropIn+".removed\n")
	require.Contains(g, output, "a running Telegraf keeps the removed program until: systemctl reload telegraf")
	require.Equal(g, "640 root:telegraf", g.stat(dropIn+".removed"))
	require.Equal(g, "640 root:telegraf", g.stat(settingsFolder+"/client_key.pem"))
	require.Contains(g, g.Read(g.path("/root/systemctl.log")), "disable --now "+catalogTimer+"\n")
	g.awaitRounds()
}

// requireWithoutProgram: Telegraf runs, and starts anew as well.
func (g *guide) requireWithoutProgram() {
	g.Helper()
	lines := func() int { return strings.Count(g.Read(g.path("/tmp/points")), "alive,") }
	for range 2 {
		count := lines()
		require.Eventually(g, func() bool { return lines() > count+1 }, rig.Patience, rig.Patience/1000)
		_, err := g.agent.Stop(rig.Patience)
		require.NoError(g, err)
		g.agent = g.telegraf()
	}
}

// requireAllPoints: of all polls since Telegraf was started, none is missing but those that the end
// of the program cut off, and none is there twice.
func (g *guide) requireAllPoints() {
	g.Helper()
	written := make(map[string]int) // lines by server
	seen := make(map[string]bool)
	for scanner := bufio.NewScanner(strings.NewReader(g.Read(g.path("/tmp/points")))); scanner.Scan(); {
		line := scanner.Text()
		if !strings.HasPrefix(line, "qlik_sense_version,") {
			continue
		}
		for _, host := range g.hosts {
			if strings.Contains(line, ",source="+host+" ") || strings.Contains(line, ",source="+host+",") {
				written[host]++
				key := host + line[strings.LastIndexByte(line, ' '):]
				require.False(g, seen[key], "twice: %s", line)
				seen[key] = true
			}
		}
	}
	for i, host := range g.hosts {
		polls := g.fleet.Requests(i) - g.before[i]
		require.LessOrEqual(g, written[host], polls)
		require.GreaterOrEqual(g, written[host], polls-g.ends, "polls of %s without a point", host)
		require.Len(g, g.Points(0, "source = '"+host+"'"), written[host])
	}
}

// A drop-in that somebody has given another name, or a telegraf.conf, is named and stays.
func TestRemovalNamesOtherDropIns(t *testing.T) {
	need(t, kinds["deb"].needs...)
	g := newGuide(t, kinds["deb"])
	g.run("dpkg --install /root/qlik/*.deb")
	other := "/etc/telegraf/telegraf.d/mine.conf"
	g.run("cp /usr/share/" + name + "/telegraf.d/linux/qlik-sense-version.conf " + other)
	output := g.run("dpkg --remove " + name)
	require.Contains(t, output, "WARNING: Telegraf will not start again until you remove the program from: "+other+"\n")
	require.FileExists(t, g.path(other))
	require.NoFileExists(t, g.path(dropIn+".removed"))
	require.NotContains(t, output, settingsFolder, "there was nothing in it")
	require.NoDirExists(t, g.path(settingsFolder))

	// A drop-in that was laid aside is found again, and not used without being asked.
	g.run("mv " + other + " " + dropIn + ".removed")
	output = g.run("dpkg --install /root/qlik/*.deb")
	require.Contains(t, output, "the drop-in of an earlier installation is "+dropIn+".removed. To use it again: mv ")
	require.NoFileExists(t, g.path(dropIn))

	// A key is never deleted, for it may be the only copy.
	g.write(settingsFolder+"/client_key.pem", "", 0o640)
	output = g.run("dpkg --purge " + name)
	require.Contains(t, output, "not removed, because it holds settings, certificates or data: "+settingsFolder)
	require.FileExists(t, g.path(settingsFolder+"/client_key.pem"))
}

// Where there is no Telegraf yet, the folder for the keys is closed to all but root, and the first
// step of the guide opens it to Telegraf.
func TestWithoutTelegraf(t *testing.T) {
	for kindName, command := range map[string]string{"deb": "dpkg --install /root/qlik/*.deb", "rpm": "rpm --install --force-debian --nodeps /root/qlik/*.rpm"} {
		t.Run(kindName, func(t *testing.T) {
			need(t, kinds[kindName].needs...)
			g := newGuide(t, kinds[kindName])
			g.run("userdel telegraf; rm -r /etc/telegraf")
			g.run(command)
			require.Equal(t, "750 root:root", g.stat(settingsFolder))
		})
	}
}

// The linters of both worlds have no errors, but for those with a reason in packaging/linux.
func TestLintian(t *testing.T) {
	need(t, "lintian")
	m := newMachine(rig.New(t))
	m.copy(one(t, packagesOf(t, older), "*.deb"), "/root/package.deb", 0o644)
	require.Equal(t, "telegraf\n", m.run("dpkg-deb --field /root/package.deb Recommends"))
	require.Empty(t, m.run("lintian --allow-root --fail-on error,warning --tag-display-limit 0 /root/package.deb"))
}

// As root, rpmlint unpacks a package over the file system that it runs in.
func TestRpmlint(t *testing.T) {
	need(t, "rpmlint")
	m := newMachine(rig.New(t))
	m.copy(one(t, packagesOf(t, older), "*.rpm"), "/root/package.rpm", 0o644)
	m.copy(rig.Root+"/packaging/linux/rpmlint.toml", "/root/rpmlint.toml", 0o644)
	require.Equal(t, "telegraf\n", m.run("rpm --query --package --recommends /root/package.rpm"))
	require.Contains(t, m.run("rpmlint --config /root/rpmlint.toml /root/package.rpm"), "1 packages and 0 specfiles checked; 0 errors,")
}

// The pages in a package lead to what is in it; what only the repository has is not meant.
func TestPagesInPackages(t *testing.T) {
	onlyInRepository := regexp.MustCompile(`^(\.\./)*(test|internal|plugins|\.github|LICENSE|CHANGELOG\.md|(deploy/)?(compose|simulated))`)
	for kind, unpack := range map[string]string{"deb": `dpkg-deb --extract "$1" "$2"`, "rpm": `cd "$2" && rpm2archive --nocompression - <"$1" | tar x`} {
		t.Run(kind, func(t *testing.T) {
			need(t, "dpkg-deb", "rpm2archive")
			folder := t.TempDir()
			output, err := exec.Command("bash", "-euc", unpack, "unpack", one(t, packagesOf(t, older), "*."+kind), folder).CombinedOutput()
			require.NoError(t, err, string(output))
			links := 0
			doc := filepath.Join(folder, "usr/share/doc", name)
			for _, pages := range []string{doc, filepath.Join(folder, "usr/share", name)} {
				require.NoError(t, filepath.WalkDir(pages, func(page string, entry os.DirEntry, err error) error {
					if err != nil || entry.IsDir() || filepath.Ext(page) != ".md" {
						return err
					}
					text, err := os.ReadFile(page)
					require.NoError(t, err)
					for _, match := range regexp.MustCompile(`\]\(([^)#:\s]+)[^):\s]*\)`).FindAllStringSubmatch(string(text), -1) {
						if onlyInRepository.MatchString(match[1]) {
							continue
						}
						links++
						from := filepath.Dir(page)
						if pages != doc { // read through doc/deploy
							from = filepath.Join(doc, "deploy", strings.TrimPrefix(from, pages))
						}
						_, err := os.Stat(filepath.Join(from, match[1]))
						if err != nil && pages != doc {
							_, err = os.Stat(filepath.Join(doc, strings.TrimPrefix(match[1], "../")))
						}
						require.NoError(t, err, "%s: %s", page, match[1])
					}
					return nil
				}))
			}
			require.Greater(t, links, 40)
		})
	}
}
