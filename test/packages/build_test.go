//go:build linux

package packages

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

const (
	name = "telegraf-qlik-sense-version"

	// The versions of the packages in the tests, which are otherwise the same.
	older, newer = "1.2.3", "1.2.4"
)

// buildPackages builds the packages of the working copy for this machine, once per version, and
// returns their folder.
func buildPackages(t *testing.T, version string) string {
	t.Helper()
	folder := filepath.Join(shared, version)
	if _, err := os.Stat(folder + "/SHA256SUMS"); err == nil {
		return folder
	}
	for _, source := range []string{"packaging", "docs", "README.md", "CHANGELOG.md", "SECURITY.md"} {
		rig.TrackFiles(t, rig.Root+"/"+source)
	}
	runBuild(t, rig.Root, folder, "VERSION="+version, "PLATFORMS=linux/"+runtime.GOARCH)
	return folder
}

// runBuild runs packaging/build of a repository.
func runBuild(t *testing.T, root, folder string, env ...string) {
	t.Helper()
	programs := []string{"git", "zip"}
	if strings.Contains(strings.Join(env, " "), "windows/amd64") {
		programs = append(programs, "wixl", "msibuild")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			skipWithout(t, program)
		}
	}
	if err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("packages cannot be built outside a clone of the repository")
	}
	cmd := exec.Command(filepath.Join(root, "packaging/build"), folder)
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// onlyFile returns the one file of a folder that matches a pattern.
func onlyFile(t *testing.T, folder, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	require.NoError(t, err)
	require.Len(t, files, 1, pattern)
	return files[0]
}

// commonFiles are in every package.
var commonFiles = []string{
	"README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "NOTICE", "sample.conf", "docs/install-linux.md",
	"deploy/telegraf.d/linux/qlik-sense-version.conf", "deploy/telegraf.d/windows/qlik-sense-version.conf",
	"deploy/renewal/systemd/telegraf-qlik-sense-catalog.timer", "man/" + name + ".1",
	"completions/bash/" + name, "completions/zsh/_" + name, "completions/fish/" + name + ".fish",
}

func TestTarball(t *testing.T) {
	folder := buildPackages(t, older)
	base := name + "-" + older + "-linux-" + runtime.GOARCH
	program := filepath.Join(t.TempDir(), name)
	found := make(map[string]bool)
	readTar(t, filepath.Join(folder, base+".tar.gz"), func(header *tar.Header, content io.Reader) {
		file := strings.TrimPrefix(header.Name, base+"/")
		found[file] = true
		require.Zero(t, header.Uid, file)
		require.Zero(t, header.Gid, file)
		require.Empty(t, header.Uname, file)
		require.Equal(t, int64(0o444), header.Mode&0o466, "%s: readable by all, writable by its owner", file)
		if file == name {
			text, err := io.ReadAll(content)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(program, text, 0o700))
		}
	})
	for _, file := range commonFiles {
		require.Contains(t, found, file)
	}
	for file := range found {
		require.NotContains(t, file, "compose", "it needs the whole repository")
	}
	requireVersion(t, program, older)
}

func readTar(t *testing.T, file string, visit func(*tar.Header, io.Reader)) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	require.NoError(t, err)
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		visit(header, reader)
	}
}

// requireVersion checks the version that the program of a package reports.
func requireVersion(t *testing.T, program, version string) {
	t.Helper()
	output, err := exec.Command(program, "version").CombinedOutput()
	require.NoError(t, err, "%s", output)
	commit, err := exec.Command("git", "-C", rig.Root, "rev-parse", "HEAD").Output()
	require.NoError(t, err)
	require.Regexp(t, "^"+name+" "+version+` \(commit `+strings.TrimSpace(string(commit))+`( with changes)?, go1\.\S+, linux/`+
		runtime.GOARCH+`\)\n$`, string(output))
}

// Every module linked into the program is in the SBOM and, with its licence, in NOTICE.
func TestSBOMAndNotice(t *testing.T) {
	folder := buildPackages(t, older)
	text, err := os.ReadFile(onlyFile(t, folder, "*.cdx.json"))
	require.NoError(t, err)
	var bom struct {
		BOMFormat string
		Metadata  struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version string }
	}
	require.NoError(t, json.Unmarshal(text, &bom))
	require.Equal(t, "CycloneDX", bom.BOMFormat)
	require.Equal(t, name, bom.Metadata.Component.Name)
	require.Equal(t, "v"+older, bom.Metadata.Component.Version)

	notice := ""
	readTar(t, onlyFile(t, folder, "*.tar.gz"), func(header *tar.Header, content io.Reader) {
		if filepath.Base(header.Name) == "NOTICE" {
			text, err := io.ReadAll(content)
			require.NoError(t, err)
			notice = string(text)
		}
	})
	require.Greater(t, len(bom.Components), 10)
	for _, component := range bom.Components {
		if component.Name == "std" {
			component.Name, component.Version = "the Go standard library,", runtime.Version()
		}
		require.Contains(t, notice, "\n"+component.Name+" "+component.Version+"\n")
	}
	require.Contains(t, notice, "not endorsed or certified by the NVD")
}

func TestChecksums(t *testing.T) {
	folder := buildPackages(t, older)
	cmd := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	cmd.Dir = folder
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	files, err := filepath.Glob(folder + "/*")
	require.NoError(t, err)
	require.Equal(t, len(files)-1, strings.Count(string(output), ": OK\n"), "every file except the list itself")
}

// Two clones in different folders give the same packages, byte for byte. Their version is derived
// from the commit, because the clones have no release tag.
func TestReproducible(t *testing.T) {
	buildPackages(t, older) // skips the test if packages cannot be built
	folders := []string{"a", "somewhere/else/altogether"}
	built := make([]map[string]string, 0, len(folders))
	for _, folder := range folders {
		clone, out := cloneRepository(t, filepath.Join(t.TempDir(), folder)), filepath.Join(t.TempDir(), "out")
		runBuild(t, clone, out, "PLATFORMS=linux/"+runtime.GOARCH+" windows/amd64")
		sums, err := os.ReadFile(out + "/SHA256SUMS")
		require.NoError(t, err)
		sum := make(map[string]string)
		for line := range strings.Lines(string(sums)) {
			fields := strings.Fields(line)
			sum[fields[1]] = fields[0]
		}
		built = append(built, sum)
		requireZip(t, onlyFile(t, out, "*.zip"), onlyFile(t, out, "*.tar.gz"))
	}
	require.Len(t, built[0], 7, "deb, rpm, tar.gz, zip, MSI and two SBOMs")
	for _, sum := range built {
		// wixl writes the creation time into the MSI; test/windows compares the rest.
		maps.DeleteFunc(sum, func(file, _ string) bool { return strings.HasSuffix(file, ".msi") })
	}
	require.Len(t, built[0], 6)
	require.Equal(t, built[0], built[1])
	for file := range maps.Keys(built[0]) {
		require.Regexp(t, name+`[-_]\d+\.\d+\.\d+~git\d{8}\.[0-9a-f]{7}-`, file)
	}
}

// requireZip checks that a package for Windows holds the same files as the one for Linux.
func requireZip(t *testing.T, file, tarball string) {
	t.Helper()
	reader, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer reader.Close()
	names := make([]string, 0, len(reader.File))
	for _, f := range reader.File {
		_, inside, _ := strings.Cut(f.Name, "/")
		names = append(names, strings.TrimSuffix(inside, ".exe"))
		require.WithinDuration(t, reader.File[0].Modified, f.Modified, time.Second, f.Name)
	}
	var expected []string
	readTar(t, tarball, func(header *tar.Header, _ io.Reader) {
		if _, inside, _ := strings.Cut(header.Name, "/"); header.Typeflag == tar.TypeReg {
			expected = append(expected, inside)
		}
	})
	require.ElementsMatch(t, expected, names)
}

// A release takes its version from the tag, which must agree with the changelog.
func TestRelease(t *testing.T) {
	buildPackages(t, older) // skips the test if packages cannot be built
	clone := cloneRepository(t, t.TempDir())
	head := regexp.MustCompile(`(?m)^## \[(\d\S*)\]`).FindStringSubmatch(readFile(t, "CHANGELOG.md"))
	require.NotNil(t, head)
	tag := func(name string) {
		t.Helper()
		require.NoError(t, exec.Command("git", "-C", clone, "tag", "--force", name).Run())
	}
	out := filepath.Join(t.TempDir(), "out")
	tag("v99.0.0")
	output, err := exec.Command(clone+"/packaging/build", out).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), "the tag is v99.0.0, and CHANGELOG.md begins with "+head[1]+": make them agree")
	require.NoDirExists(t, out)

	require.NoError(t, exec.Command("git", "-C", clone, "tag", "--delete", "v99.0.0").Run())
	tag("v" + head[1])
	runBuild(t, clone, out, "PLATFORMS=linux/"+runtime.GOARCH)
	require.FileExists(t, filepath.Join(out, name+"_"+head[1]+"-1_"+runtime.GOARCH+".deb"))
}

// cloneRepository clones the last commit into a folder.
func cloneRepository(t *testing.T, folder string) string {
	t.Helper()
	root, err := filepath.Abs(rig.Root)
	require.NoError(t, err)
	output, err := exec.Command("git", "clone", "--quiet", "--no-tags", root, folder).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return folder
}

// packaging/build refuses a folder that is not empty.
func TestOutputFolderNotEmpty(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "mine"), nil, 0o600))
	output, err := exec.Command(rig.Root+"/packaging/build", folder).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), folder+" is not empty")
}
