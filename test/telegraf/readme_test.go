//go:build linux

package telegraf

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// vendorPage is a page of the vendor's releases as GitHub's API returns it.
const vendorPage = `[{"name":"May 2026 Patch 2","tag_name":"v14.270.9","published_at":"2026-07-01T10:00:00Z","draft":false,"prerelease":false}]`

// startVendorList serves vendorPage and returns the URL.
func startVendorList(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, vendorPage)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// pages are the pages whose snippets run here, in the order in which a new user reads them. The
// snippets of other pages are tested with what they describe.
var pages = []string{
	"docs/check-and-plan.md", "README.md", "docs/settings.md", "docs/discovery.md", "docs/metrics.md", "docs/compliance.md", "docs/catalogue.md",
	"docs/install-windows.md", "docs/troubleshooting.md",
	"docs/certificates.md", "docs/coming-from-butler.md", "docs/coming-from-inputs-http.md", "docs/performance.md", "docs/development.md",
}

func allSnippets(t *testing.T) (all []rig.Snippet) {
	t.Helper()
	for _, page := range pages {
		all = append(all, rig.Snippets(t, rig.Root+"/"+page)...)
	}
	return all
}

// "A first look" in the README starts simulated servers and prints the fleet's table.
func TestREADMEFirstLook(t *testing.T) {
	r := rig.New(t)
	for _, s := range rig.Snippets(t, rig.Root+"/README.md") {
		if !strings.Contains(s.Text, "qlik-sense-simulator") {
			continue
		}
		work := t.TempDir()
		require.NoError(t, os.CopyFS(filepath.Join(work, "deploy/simulated"), os.DirFS(rig.Root+"/deploy/simulated")))
		for _, name := range []string{"fleet.toml", "settings.conf"} {
			file := filepath.Join(work, "deploy/simulated", name)
			text := strings.ReplaceAll(r.Read(file), "127.10.0.", strings.TrimSuffix(r.Address(0), "0"))
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		}
		require.NoError(t, os.Mkdir(filepath.Join(work, ".bin"), 0o700))
		for name, program := range map[string]string{"qlik-sense-simulator": r.Tools.Simulator, "telegraf-qlik-sense-version": r.Tools.Plugin} {
			require.NoError(t, os.Symlink(program, filepath.Join(work, ".bin", name)))
		}
		text := strings.Replace(s.Text, "make build\n", "", 1)
		require.NotEqual(t, s.Text, text)
		output := shell(t, work, "/usr/bin:/bin", text)
		for _, want := range []string{
			"environment=PROD: ", "environment=TEST: 0 of 2 proven compliant, ", "4,           August 2023", "503 Service Unavailable", "4 servers, 3 answered",
		} {
			require.Contains(t, output, want)
		}
		return
	}
	require.Fail(t, "no snippet of the README starts the simulator")
}

// filesOf returns the files of the repository whose names end so.
func filesOf(t *testing.T, suffix string) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(rig.Root, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "dist" || strings.HasPrefix(entry.Name(), ".") && path != rig.Root):
			return filepath.SkipDir
		case strings.HasSuffix(path, suffix):
			files = append(files, path)
		}
		return nil
	}))
	return files
}

// Tests that pages name exist: "go test -run" of a name that does not exist passes.
func TestNamesOfTestsInPages(t *testing.T) {
	var tests strings.Builder
	for _, file := range filesOf(t, "_test.go") {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		tests.Write(content)
	}
	named := 0
	for _, page := range filesOf(t, ".md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(string(text), -1) {
			named++
			if !strings.Contains(tests.String(), "\nfunc "+name) {
				require.Fail(t, "a test that does not exist", "%s: %s", page, name)
			}
		}
	}
	require.NotZero(t, named)
}

// Every link between pages leads to an existing file and, with an anchor, to one of its headings.
func TestLinksBetweenPages(t *testing.T) {
	files := filesOf(t, ".md")
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchors := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	anchors := func(text string) (all []string) {
		for _, match := range heading.FindAllStringSubmatch(text, -1) {
			all = append(all, strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
		}
		return all
	}
	links := 0
	for _, page := range files {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`\]\(([^)\s]*)\)`).FindAllStringSubmatch(string(text), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			links++
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
				_, err := os.Stat(file)
				require.NoError(t, err, "%s: %s", page, match[1])
			}
			if anchor != "" {
				linked, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Contains(t, anchors(string(linked)), anchor, "%s: %s", page, match[1])
			}
		}
	}
	require.Greater(t, links, 100)
}

// Each language of the snippets has a test below: a new language needs a new test.
func TestREADMESnippetLanguages(t *testing.T) {
	languages := make(map[string]int)
	for _, s := range allSnippets(t) {
		languages[s.Language]++
	}
	for language := range languages {
		// text is output, yaml is for other programs, and test/windows runs bat.
		require.Contains(t, []string{"sh", "toml", "sql", "powershell", "text", "yaml", "bat"}, language)
	}
	for _, language := range []string{"sh", "toml", "sql", "powershell"} {
		require.NotZero(t, languages[language], "no %s snippet was found", language)
	}
}

// The commands for Linux run one after the other, as a new user would type them. A folder takes
// the place of / on a machine where the program, the certificates and the drop-in are installed;
// test/packages tests the installation itself.
func TestREADMECommands(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{}, simulator.Server{})
	startRepositories(r).setNodes(1, 1, 1, 2)
	root, work := t.TempDir(), t.TempDir()
	bin := filepath.Join(root, "usr/bin")
	certificates, dropIn := filepath.Join(root, "etc/telegraf-qlik-sense-version"), filepath.Join(root, "etc/telegraf/telegraf.d/qlik-sense-version.conf")
	for _, dir := range []string{bin, certificates, filepath.Dir(dropIn)} {
		require.NoError(t, os.MkdirAll(dir, 0o700))
	}
	for _, dir := range []string{work, certificates} {
		require.NoError(t, r.Site.Export(dir))
	}
	require.NoError(t, os.WriteFile(dropIn, []byte(strings.NewReplacer(
		`"qlik1.example.com", "qlik2.example.com"`, stack.Quote(hosts), `"/etc/`, `"`+root+"/etc/", `"/usr/bin`, `"`+bin,
		"  collection_jitter = \"5m\"\n", "",
	).Replace(r.Read(rig.Root+"/deploy/telegraf.d/linux/qlik-sense-version.conf"))), 0o600))
	require.NoError(t, os.Link(r.Tools.Plugin, filepath.Join(bin, "telegraf-qlik-sense-version")))

	repository, err := filepath.Abs(rig.Root)
	require.NoError(t, err)
	// sudo without a password, and make without running these tests from within.
	stubs := t.TempDir()
	for name, script := range map[string]string{
		"sudo": `if [ "$1" = -u ]; then shift 2; fi; exec "$@"`,
		"make": `exec /usr/bin/env -i PATH=/usr/bin:/bin make -n -C ` + repository + ` "$@"`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(stubs, name), []byte("#!/bin/bash\n"+script+"\n"), 0o700))
	}
	require.NoError(t, os.Symlink(r.Tools.Telegraf, filepath.Join(stubs, "telegraf")))
	vendorURL := startVendorList(t)

	for _, s := range allSnippets(t) {
		if s.Language != "sh" || strings.Contains(s.Text, "qlik-sense-simulator") {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(s.Text, "\\\n", " ")) {
			line = strings.NewReplacer(
				"/usr/bin", bin, "/etc/telegraf", filepath.Join(root, "etc/telegraf"),
				"--test-wait 15", "--test-wait 3",
				"catalog update /etc", "catalog update --no-advisories --no-exploited --releases-url "+vendorURL+" "+filepath.Join(root, "etc"),
				"catalog update --from", "catalog update --no-advisories --no-exploited --from",
				"catalog download", "catalog download --no-advisories --no-exploited --releases-url "+vendorURL,
				"--discover qlik1.example.com", "--discover "+hosts[0],
			).Replace(strings.TrimSpace(line))
			if strings.Contains(line, "--discover") {
				line += " || test $? = 3" // without settings catalog_max_age is the default, and old built-in data prove nothing
			}
			output := shell(t, work, stubs+":"+bin+":/usr/bin:/bin", line)
			switch {
			case strings.Contains(line, "config > fleet.conf"):
				file := filepath.Join(work, "fleet.conf")
				text := r.Edit(r.Read(file), `hosts = ["qlik1.example.com"]`, "hosts = ["+stack.Quote(hosts)+"]",
					`# tls_ca = "/etc/telegraf-qlik-sense-version`, `tls_ca = "`+work, `# tls_cert = "/etc/telegraf-qlik-sense-version`, `tls_cert = "`+work,
					`# tls_key = "/etc/telegraf-qlik-sense-version`, `tls_key = "`+work, `# catalog_max_age = "180d"`, `catalog_max_age = "36500d"`)
				require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			case strings.Contains(line, "--discover"):
				require.Contains(t, output, "2 nodes of the site found, listed by "+hosts[0])
				require.Contains(t, output, "2 servers, 2 answered")
			case strings.Contains(line, " check --config"):
				require.Contains(t, output, "2 servers, 2 answered, proven compliant: 2 of 2 (100 %), ")
			case strings.Contains(line, "config > my.conf"):
				file := filepath.Join(work, "my.conf")
				text := r.Edit(r.Read(file), `hosts = ["qlik1.example.com"]`, "hosts = ["+stack.Quote(hosts)+"]",
					`# tls_ca = "/etc`, `tls_ca = "`+root+`/etc`, `# tls_cert = "/etc`, `tls_cert = "`+root+`/etc`, `# tls_key = "/etc`, `tls_key = "`+root+`/etc`)
				require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			case strings.Contains(line, "--once"):
				require.Equal(t, len(hosts), strings.Count(output, `result="success"`), "%s\n%s", line, output)
			case strings.Contains(line, "catalog update") && strings.Contains(line, "--releases-url"):
				require.Contains(t, output, "May 2026: ")
			case strings.Contains(line, "catalog download"):
				require.Contains(t, output, "lists.tar.gz: releases as of 2026-07-01 from ")
			case strings.Contains(line, "catalog update") && strings.Contains(line, "--from"):
				require.Contains(t, output, "nothing new", "the same list again")
			case strings.Contains(line, "--test "):
				// The round at the start and, unless the two coincide, the one that Telegraf
				// requests at once.
				require.GreaterOrEqual(t, strings.Count(output, `result="success"`), len(hosts), "%s\n%s", line, output)
			}
		}
	}
	require.Equal(t, r.Read(rig.Root+"/deploy/telegraf.d/linux/qlik-sense-version.conf"), r.Read(filepath.Join(work, "qlik-sense-version.conf")))
}

func shell(t *testing.T, dir, path, line string) string {
	t.Helper()
	cmd := exec.Command("/bin/bash", "-euo", "pipefail", "-c", line)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + path, "HOME=" + dir}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s\n%s%s", line, &stdout, &stderr)
	return stdout.String()
}

// The settings run under Telegraf, with this machine's paths and the test's servers in place of
// the examples.
func TestREADMESettings(t *testing.T) {
	for i, s := range allSnippets(t) {
		if s.Language != "toml" {
			continue
		}
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			r := rig.New(t)
			server := simulator.Server{}
			if strings.Contains(s.Text, "token_file") {
				server.NoClientCert = true
				server.Header = http.Header{"Authorization": {"Bearer secret"}}
			}
			_, hosts := r.Start(server, server)
			if strings.Contains(s.Text, "discover") {
				startRepositories(r).setNodes(1, 1, 1, 2)
			}
			token := r.Write("token", "secret\n")
			text := strings.NewReplacer(
				"/etc/telegraf-qlik-sense-version/token\"", token+"\"\n  tls_ca = \""+filepath.Join(r.SiteDir, "root.pem")+`"`,
				"https://qlik1.example.com/monitoring", "https://"+hosts[0]+":9032",
				`["qlik1.example.com"]`, "["+stack.Quote(hosts[:1])+"]",
				"https://qlik1.example.com:9032", "https://"+hosts[0]+":9032",
				"https://qlik2.example.com:9032", "https://"+hosts[1]+":9032",
				`interval = "6h"`, `interval = "1s"`,
			).Replace(s.Text)
			text = adaptExample(r, text, hosts)
			require.NotContains(t, text, "example.com")

			switch {
			case strings.Contains(s.Text, "[[inputs.http]]"):
				r.Telegraf(text)
				require.Contains(t, r.Points(2, "")[0], "releaseLabel")
			case strings.Contains(s.Text, "[[inputs.exec"):
				r.Telegraf(text)
				requireSuccess(t, r, hosts)
			default:
				require.NotContains(t, text, "/etc/telegraf")
				r.Telegraf(twoFileDropIn(r, r.Write("settings.conf", text)))
				requireSuccess(t, r, hosts[:1])
			}
		})
	}
}

func requireSuccess(t *testing.T, r *rig.Rig, hosts []string) {
	t.Helper()
	results := make(map[any]any)
	for _, p := range r.Points(len(hosts), "") {
		results[p["source"]] = p["result"]
	}
	for _, host := range hosts {
		require.Equal(t, "success", results[host])
	}
}

func TestREADMEQueries(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{}, simulator.Server{Fault: simulator.Fault503})
	r.Telegraf(r.DropIn(r.Block(hosts, "  [inputs.qlik_sense_version.tags]\n    environment = \"PROD\"\n")))
	r.Points(2, "")
	for _, s := range allSnippets(t) {
		if s.Language != "sql" {
			continue
		}
		for statement := range strings.Lines(s.Text) {
			series, err := r.DB.Query(r.Database, strings.TrimSpace(statement))
			require.NoError(t, err)
			require.NotEmpty(t, rig.Rows(series), statement)
		}
	}
}

// PowerShell does not run here, so the test only checks that the commands are known ones and
// that the files they copy exist.
func TestREADMEPowerShell(t *testing.T) {
	command := regexp.MustCompile(`^(Copy-Item|New-Item|Remove-Item|Restart-Service|Stop-Service|Start-Service|notepad|icacls|go build|\$env:CGO_ENABLED =` +
		`|& 'C:\\Program Files\\Telegraf\\telegraf-qlik-sense-version\.exe') (.*)$`)
	for _, s := range allSnippets(t) {
		if s.Language != "powershell" {
			continue
		}
		for line := range strings.Lines(s.Text) {
			parts := command.FindStringSubmatch(strings.TrimSpace(line))
			require.NotNil(t, parts, line)
			if parts[1] != "Copy-Item" {
				continue
			}
			from, _, found := strings.Cut(parts[2], " '")
			require.True(t, found)
			for _, file := range strings.Split(from, ", ") {
				if strings.HasPrefix(file, "deploy") {
					require.FileExists(t, filepath.Join(rig.Root, strings.ReplaceAll(file, `\`, "/")))
				} else {
					require.Contains(t, []string{"telegraf-qlik-sense-version.exe", "root.pem", "client.pem", "client_key.pem"}, file)
				}
			}
		}
	}
}

// The tables of the pages list every result with its code.
func TestREADMETables(t *testing.T) {
	var all strings.Builder
	for _, name := range pages {
		text, err := os.ReadFile(rig.Root + "/" + name)
		require.NoError(t, err)
		all.Write(text)
	}
	page := all.String()

	require.NotRegexp(t, `@[A-Z]+@`, page, "a placeholder")
	for result := range poll.Result(100) {
		if !strings.HasPrefix(result.String(), "unknown_result_") {
			require.Contains(t, page, fmt.Sprintf("| %d | `%s` |", result, result))
		}
	}
}
