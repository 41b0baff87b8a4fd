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

// kind is a kind of package. tool is its package manager in the guide.
type kind struct {
	tool, pattern, downgrade string
	needs                    []string
}

var kinds = map[string]kind{
	"deb": {"apt", name + "_*.deb", "apt install --allow-downgrades --yes", []string{"dpkg", "apt"}},
	"rpm": {"dnf", name + "-*.rpm", "dnf downgrade", []string{"rpm"}},
}

// Every command of docs/install-linux.md, in order, for both kinds of package: installed, upgraded,
// downgraded and removed while a real Telegraf runs with a round every second.
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
					g.runLine(strings.TrimSpace(line))
				}
			}
			g.requireAllPoints()
			require.Equal(t, []string{"checksum", "install", "certificates", "drop-in", "test", "run", "upgrade", "run", "downgrade", "run",
				"timer", "remove", "run"}, g.steps)
		})
	}
}

// guide is a machine on which the commands of the page run.
type guide struct {
	*machine
	kind    kind
	fleet   *simulator.Fleet
	hosts   []string
	agent   *stack.Process // Telegraf; nil until the page starts it
	version string         // of the program that Telegraf runs
	steps   []string       // done so far

	requestsBefore []int // to the servers, before Telegraf started
	reloads        int   // of Telegraf, each of which ends the program
}

func newGuide(t *testing.T, kind kind) *guide {
	t.Helper()
	buildPackages(t, older)
	buildPackages(t, newer)
	r := rig.New(t)
	g := &guide{machine: newMachine(r), kind: kind}
	g.fleet, g.hosts = r.Start(simulator.Server{}, simulator.Server{})
	// Telegraf does not start without an input.
	g.write("/etc/telegraf/telegraf.d/alive.conf", "[[inputs.exec]]\n  commands = [\"/bin/echo alive value=1\"]\n  data_format = \"influx\"\n", 0o644)
	g.stage(older)
	for _, file := range []string{"root.pem", "client.pem", "client_key.pem"} {
		g.copy(filepath.Join(r.SiteDir, file), "/root/qlik/"+file, 0o600)
	}
	// Stand-ins for what needs a terminal or a service manager. catalog_max_age allows data of any age, so
	// that compliance is proven on whatever day the test runs.
	edit := `sed -i 's|"qlik1.example.com", "qlik2.example.com"|` + stack.Quote(g.hosts) + `|; s|"6h"|"1s"|; /collection_jitter/d; ` +
		`s|^  tls_ca|  catalog_max_age = "36500d"\n  catalog_file = "` + catalogFile + `"\n&|' "$1"`
	for name, script := range map[string]string{
		"sudo":      `if [ "$1" = -u ]; then user=$2; shift 2; exec setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"; fi; exec "$@"`,
		"sudoedit":  edit,
		"systemctl": `echo "$*" >>/root/systemctl.log`,
		"dnf": `case $1 in remove) rpm --erase "$2" ;; install) rpm --install --force-debian --nodeps "$2" ;; ` +
			`upgrade) rpm --upgrade --force-debian --nodeps "$2" ;; downgrade) rpm --upgrade --oldpackage --force-debian --nodeps "$2" ;; esac`,
	} {
		g.run("rm -f /usr/bin/" + name) // apt looks for commands only there
		g.write("/usr/bin/"+name, "#!/bin/bash\n"+script+"\n", 0o755)
	}
	g.write("/run/systemd/system/here", "", 0o644) // so that the packages find a systemd
	g.copy(rig.Root+"/internal/catalog/catalog.toml", catalogFile, 0o644)
	return g
}

// stage replaces the downloaded package by that of a version.
func (g *guide) stage(version string) {
	g.Helper()
	folder := buildPackages(g.T, version)
	g.run("mkdir -p /root/qlik; rm -f /root/qlik/" + name + "*")
	for _, file := range []string{onlyFile(g.T, folder, g.kind.pattern), folder + "/SHA256SUMS"} {
		g.copy(file, "/root/qlik/"+filepath.Base(file), 0o644)
	}
}

// runLine runs a line of the page and checks its effect.
func (g *guide) runLine(line string) {
	g.Helper()
	host := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	command := strings.NewReplacer("_amd64", "_"+runtime.GOARCH, "x86_64", host, "--test-wait 15", "--test-wait 3",
		"apt install", "apt install --yes", "apt remove", "apt remove --yes").Replace(line)
	install := strings.Contains(line, g.kind.tool+" install") || strings.Contains(line, g.kind.tool+" upgrade")
	if g.agent != nil && install {
		g.stage(newer)
		g.replaceProgram(command, "upgrade", newer)
		return
	}
	output := g.run("cd /root/qlik; " + command)
	switch {
	case strings.HasPrefix(line, "sha256sum"):
		require.Equal(g, 1, strings.Count(output, ": OK\n"))
		g.record("checksum")
	case install:
		require.Contains(g, output, "nothing runs yet. The next steps are in /usr/share/doc/"+name+"/docs/install-linux.md")
		require.FileExists(g, g.path("/usr/share/doc/"+name+"/docs/install-linux.md"))
		require.Equal(g, "750 root:telegraf", g.stat(settingsFolder))
		require.Equal(g, "755 root:root", g.stat(program))
		require.NoFileExists(g, g.path(dropIn))
		require.NotContains(g, g.Read(g.path("/root/systemctl.log")), "able", "the timer is neither enabled nor disabled")
		requireVersion(g.T, g.path(program), older)
		g.run("grep -q " + name + " /usr/share/bash-completion/completions/" + name + "; test -s /usr/share/man/man1/" + name + ".1.gz; " +
			"test -s /usr/share/doc/" + name + "/NOTICE; test -s /usr/share/" + name + "/sample.conf; test -s /usr/lib/systemd/system/" + catalogTimer +
			"; test -s /usr/share/" + name + "/grafana/dashboards/fleet.json")
		g.record("install")
	case strings.Contains(line, "client_key.pem /etc"):
		require.Equal(g, "640 root:telegraf", g.stat(settingsFolder+"/client_key.pem"))
		g.record("certificates")
	case strings.Contains(line, "sudoedit"):
		require.Equal(g, "640 root:telegraf", g.stat(dropIn))
		g.record("drop-in")
	case strings.Contains(line, "--test "):
		require.GreaterOrEqual(g, strings.Count(output, `result="success"`), len(g.hosts), output)
		g.record("test")
	case strings.Contains(line, "systemctl reload") && g.agent == nil:
		g.requestsBefore = []int{g.fleet.Requests(0), g.fleet.Requests(1)}
		g.agent, g.version = g.telegraf(), older
		g.awaitRounds()
		g.record("run")
	case strings.Contains(line, "systemctl reload"):
		g.reload()
		if g.version == newer {
			g.downgrade()
		}
	case strings.Contains(line, "enable --now"):
		require.Contains(g, g.Read(g.path("/root/systemctl.log")), "enable --now "+catalogTimer+"\n")
		g.record("timer")
	case strings.Contains(line, g.kind.tool+" remove"):
		g.requireRemoved(output)
		g.record("remove")
	case strings.HasPrefix(line, "rm "):
		require.Empty(g, g.run("find /root/qlik -name '*.pem'"))
	}
}

func (g *guide) record(step string) { g.steps = append(g.steps, step) }

// stat returns mode, owner and group of a file.
func (g *guide) stat(file string) string {
	g.Helper()
	return strings.TrimSpace(g.run("stat -c '%a %U:%G' " + file))
}

// downgrade installs the older package over the newer one.
func (g *guide) downgrade() {
	g.Helper()
	g.stage(older)
	g.replaceProgram(g.kind.downgrade+" ./"+name+"*."+map[string]string{"apt": "deb", "dnf": "rpm"}[g.kind.tool], "downgrade", older)
	g.reload()
}

// replaceProgram installs another version over the one that Telegraf runs. The program must exist at
// every moment, the running one must go on, and the administrator's files must not change.
func (g *guide) replaceProgram(command, step, version string) {
	g.Helper()
	listKept := "cd /; sha256sum " + dropIn + " " + settingsFolder + "/* " + catalogFile + "; stat -c '%a %U:%G' " + settingsFolder + " " + dropIn
	before := g.run(listKept)
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
	require.NoError(g, <-missing, "execd gives up on a program that is missing at a restart")

	require.Contains(g, output, "Telegraf keeps running the version that it started until: systemctl reload telegraf")
	require.Equal(g, before, g.run(listKept))
	requireVersion(g.T, g.path(program), version)
	g.awaitRounds()
	require.Equal(g, pid, g.child())
	requireVersion(g.T, fmt.Sprintf("/proc/%d/exe", pid), g.version)
	require.NotContains(g, g.Read(g.path("/root/systemctl.log")), "disable", "the timer is left alone")
	g.version = version
	g.record(step)
}

// child returns the process ID of the program under Telegraf.
func (g *guide) child() int {
	g.Helper()
	for range 100 { // the child may also be that of inputs.exec
		pid, err := g.agent.Child(rig.Patience)
		require.NoError(g, err)
		if command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.HasPrefix(string(command), program) {
			return pid
		}
	}
	require.Fail(g, "Telegraf does not run the program", g.agent.Output())
	return 0
}

// reload makes Telegraf switch to what is installed now.
func (g *guide) reload() {
	g.Helper()
	starts := strings.Count(g.agent.Output(), "Starting process")
	loads := strings.Count(g.agent.Output(), "Loading config: /etc/telegraf/telegraf.conf")
	require.NoError(g, g.agent.Signal(syscall.SIGHUP))
	g.reloads++
	require.NoError(g, g.agent.Await("Loading config: /etc/telegraf/telegraf.conf", loads+1, rig.Patience))
	if g.steps[len(g.steps)-1] == "remove" {
		g.requireWithoutProgram()
	} else {
		require.NoError(g, g.agent.Await("Starting process", starts+1, rig.Patience))
		requireVersion(g.T, fmt.Sprintf("/proc/%d/exe", g.child()), g.version)
		g.awaitRounds()
	}
	g.record("run")
}

// awaitRounds waits for two more rounds in the database. No poll may have failed.
func (g *guide) awaitRounds() {
	g.Helper()
	require.Empty(g, g.Points(0, "result != 'success'"))
	g.Points(len(g.Points(0, ""))+2*len(g.hosts), "")
	require.Empty(g, g.Points(0, "result != 'success' or compliance != 'compliant'"))
	for line := range strings.Lines(g.agent.Output()) {
		// execd sometimes logs this error about the pipes of a process that it stops.
		if !strings.HasSuffix(strings.TrimSpace(line), "file already closed") {
			require.NotContains(g, line, " E! ")
		}
	}
}

// requireRemoved checks the state after the removal: Telegraf still runs the removed program, and its
// drop-in is renamed so that Telegraf can start without it.
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

// requireWithoutProgram checks that Telegraf runs without the program, also after a restart.
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

// requireAllPoints checks that every poll since Telegraf started has exactly one point, except polls
// that a reload interrupted.
func (g *guide) requireAllPoints() {
	g.Helper()
	points := make(map[string]int) // by server
	seen := make(map[string]bool)
	for scanner := bufio.NewScanner(strings.NewReader(g.Read(g.path("/tmp/points")))); scanner.Scan(); {
		line := scanner.Text()
		if !strings.HasPrefix(line, "qlik_sense_version,") {
			continue
		}
		for _, host := range g.hosts {
			if strings.Contains(line, ",source="+host+" ") || strings.Contains(line, ",source="+host+",") {
				points[host]++
				key := host + line[strings.LastIndexByte(line, ' '):]
				require.False(g, seen[key], "duplicate point: %s", line)
				seen[key] = true
			}
		}
	}
	for i, host := range g.hosts {
		polls := g.fleet.Requests(i) - g.requestsBefore[i]
		require.LessOrEqual(g, points[host], polls)
		require.GreaterOrEqual(g, points[host], polls-g.reloads, "polls of %s without a point", host)
		require.Len(g, g.Points(0, "source = '"+host+"'"), points[host])
	}
}

// Other configuration that uses the program, such as a renamed drop-in, is reported and not changed.
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

	// A drop-in renamed by an earlier removal is reported, but not activated.
	g.run("mv " + other + " " + dropIn + ".removed")
	output = g.run("dpkg --install /root/qlik/*.deb")
	require.Contains(t, output, "the drop-in of an earlier installation is "+dropIn+".removed. To use it again: mv ")
	require.NoFileExists(t, g.path(dropIn))

	// A key is never deleted: it may be the only copy.
	g.write(settingsFolder+"/client_key.pem", "", 0o640)
	output = g.run("dpkg --purge " + name)
	require.Contains(t, output, "not removed, because it holds settings, certificates or data: "+settingsFolder)
	require.FileExists(t, g.path(settingsFolder+"/client_key.pem"))
}

// Without Telegraf's account, only root can read the folder for the keys; the first step of the guide
// grants Telegraf access.
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

// The linters report no errors other than those that packaging/linux overrides with a reason.
func TestLintian(t *testing.T) {
	need(t, "lintian")
	m := newMachine(rig.New(t))
	m.copy(onlyFile(t, buildPackages(t, older), "*.deb"), "/root/package.deb", 0o644)
	require.Equal(t, "telegraf\n", m.run("dpkg-deb --field /root/package.deb Recommends"))
	require.Empty(t, m.run("lintian --allow-root --fail-on error,warning --tag-display-limit 0 /root/package.deb"))
}

// On the overlay, because as root rpmlint unpacks a package over the file system.
func TestRpmlint(t *testing.T) {
	need(t, "rpmlint")
	m := newMachine(rig.New(t))
	m.copy(onlyFile(t, buildPackages(t, older), "*.rpm"), "/root/package.rpm", 0o644)
	m.copy(rig.Root+"/packaging/linux/rpmlint.toml", "/root/rpmlint.toml", 0o644)
	require.Equal(t, "telegraf\n", m.run("rpm --query --package --recommends /root/package.rpm"))
	require.Contains(t, m.run("rpmlint --config /root/rpmlint.toml /root/package.rpm"), "1 packages and 0 specfiles checked; 0 errors,")
}

// Links in the pages of a package lead to files of the package, except to what only the repository has.
func TestPagesInPackages(t *testing.T) {
	onlyInRepository := regexp.MustCompile(`^(\.\./)*(test|internal|plugins|\.github|LICENSE|CHANGELOG\.md|(deploy/)?(compose|simulated))`)
	for kind, unpack := range map[string]string{"deb": `dpkg-deb --extract "$1" "$2"`, "rpm": `cd "$2" && rpm2archive --nocompression - <"$1" | tar x`} {
		t.Run(kind, func(t *testing.T) {
			need(t, "dpkg-deb", "rpm2archive")
			folder := t.TempDir()
			output, err := exec.Command("bash", "-euc", unpack, "unpack", onlyFile(t, buildPackages(t, older), "*."+kind), folder).CombinedOutput()
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
						if pages != doc { // users see it as doc/deploy
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
