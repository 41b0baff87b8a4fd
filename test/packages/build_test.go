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

	// The versions of the packages in the tests; the newer one differs by nothing else.
	older, newer = "1.2.3", "1.2.4"
)

// packagesOf builds the packages of the working copy for this machine, once for each version,
// and gives their folder.
func packagesOf(t *testing.T, version string) string {
	t.Helper()
	folder := filepath.Join(shared, version)
	if _, err := os.Stat(folder + "/SHA256SUMS"); err == nil {
		return folder
	}
	for _, source := range []string{"packaging", "docs", "README.md", "CHANGELOG.md", "SECURITY.md"} {
		rig.TrackFiles(t, rig.Root+"/"+source)
	}
	build(t, rig.Root, folder, "VERSION="+version, "PLATFORMS=linux/"+runtime.GOARCH)
	return folder
}

// build runs packaging/build of a repository.
func build(t *testing.T, root, folder string, env ...string) {
	t.Helper()
	programs := []string{"git", "zip"}
	if strings.Contains(strings.Join(env, " "), "windows/amd64") {
		programs = append(programs, "wixl", "msibuild")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			lacks(t, program)
		}
	}
	if err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("no packages built, for this is no clone of the repository")
	}
	cmd := exec.Command(filepath.Join(root, "packaging/build"), folder)
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// one gives the only file in a folder that fits a pattern.
func one(t *testing.T, folder, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	require.NoError(t, err)
	require.Len(t, files, 1, pattern)
	return files[0]
}

// What everybody finds in each package.
var everywhere = []string{
	"README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "NOTICE", "sample.conf", "docs/install-linux.md",
	"deploy/telegraf.d/linux/qlik-sense-version.conf", "deploy/telegraf.d/windows/qlik-sense-version.conf",
	"deploy/renewal/systemd/telegraf-qlik-sense-catalog.timer", "man/" + name + ".1",
	"completions/bash/" + name, "completions/zsh/_" + name, "completions/fish/" + name + ".fish",
}

func TestTarball(t *testing.T) {
	folder := packagesOf(t, older)
	base := name + "-" + older + "-linux-" + runtime.GOARCH
	program := filepath.Join(t.TempDir(), name)
	found := make(map[string]bool)
	readTar(t, filepath.Join(folder, base+".tar.gz"), func(header *tar.Header, content io.Reader) {
		file := strings.TrimPrefix(header.Name, base+"/")
		found[file] = true
		require.Zero(t, header.Uid, file)
		require.Zero(t, header.Gid, file)
		require.Empty(t, header.Uname, file)
		require.Equal(t, int64(0o444), header.Mode&0o466, "%s: for everybody to read, and for its owner to write", file)
		if file == name {
			text, err := io.ReadAll(content)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(program, text, 0o700))
		}
	})
	for _, file := range everywhere {
		require.Contains(t, found, file)
	}
	for file := range found {
		require.NotContains(t, file, "compose", "what needs the whole repository")
	}
	requireVersion(t, program, older)
}

func readTar(t *testing.T, file string, each func(*tar.Header, io.Reader)) {
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
		each(header, reader)
	}
}

// requireVersion asks the program of a package which version it is.
func requireVersion(t *testing.T, program, version string) {
	t.Helper()
	output, err := exec.Command(program, "version").CombinedOutput()
	require.NoError(t, err, "%s", output)
	commit, err := exec.Command("git", "-C", rig.Root, "rev-parse", "HEAD").Output()
	require.NoError(t, err)
	require.Regexp(t, "^"+name+" "+version+` \(commit `+strings.TrimSpace(string(commit))+`( with changes)?, go1\.\S+, linux/`+
		runtime.GOARCH+`\)\n$`, string(output))
}

// Everything that the program is linked with is in the SBOM and, with its licence, in NOTICE.
func TestSBOMAndNotice(t *testing.T) {
	folder := packagesOf(t, older)
	text, err := os.ReadFile(one(t, folder, "*.cdx.json"))
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
	readTar(t, one(t, folder, "*.tar.gz"), func(header *tar.Header, content io.Reader) {
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
	folder := packagesOf(t, older)
	cmd := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	cmd.Dir = folder
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	files, err := filepath.Glob(folder + "/*")
	require.NoError(t, err)
	require.Equal(t, len(files)-1, strings.Count(string(output), ": OK\n"), "each file but the list itself")
}

// Two clones in different places, at different times: the same packages, byte for byte, and with a
// version of their own, for this commit is no release.
func TestReproducible(t *testing.T) {
	packagesOf(t, older) // skips where nothing can be built
	places := []string{"a", "somewhere/else/altogether"}
	built := make([]map[string]string, 0, len(places))
	for _, place := range places {
		clone, out := cloneOf(t, filepath.Join(t.TempDir(), place)), filepath.Join(t.TempDir(), "out")
		build(t, clone, out, "PLATFORMS=linux/"+runtime.GOARCH+" windows/amd64")
		sums, err := os.ReadFile(out + "/SHA256SUMS")
		require.NoError(t, err)
		sum := make(map[string]string)
		for line := range strings.Lines(string(sums)) {
			fields := strings.Fields(line)
			sum[fields[1]] = fields[0]
		}
		built = append(built, sum)
		requireZip(t, one(t, out, "*.zip"), one(t, out, "*.tar.gz"))
	}
	require.Len(t, built[0], 7, "deb, rpm, tar.gz, zip, MSI and two SBOM")
	for _, sum := range built {
		// wixl writes the time of the creation into it; test/windows looks at the rest.
		maps.DeleteFunc(sum, func(file, _ string) bool { return strings.HasSuffix(file, ".msi") })
	}
	require.Len(t, built[0], 6)
	require.Equal(t, built[0], built[1])
	for file := range maps.Keys(built[0]) {
		require.Regexp(t, name+`[-_]\d+\.\d+\.\d+~git\d{8}\.[0-9a-f]{7}-`, file)
	}
}

// requireZip looks into a package for Windows: what is in it is what is in that for Linux.
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

// The tag of a release is its version, and has to be the one that the changelog describes.
func TestRelease(t *testing.T) {
	packagesOf(t, older) // skips where nothing can be built
	clone := cloneOf(t, t.TempDir())
	head := regexp.MustCompile(`(?m)^## \[(\d\S*)\]`).FindStringSubmatch(read(t, "CHANGELOG.md"))
	require.NotNil(t, head)
	tag := func(name string) {
		t.Helper()
		require.NoError(t, exec.Command("git", "-C", clone, "tag", "--force", name).Run())
	}
	out := filepath.Join(t.TempDir(), "out")
	tag("v99.0.0")
	output, err := exec.Command(clone+"/packaging/build", out).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), "the tag is v99.0.0, and CHANGELOG.md begins with "+head[1]+": let them agree")
	require.NoDirExists(t, out)

	require.NoError(t, exec.Command("git", "-C", clone, "tag", "--delete", "v99.0.0").Run())
	tag("v" + head[1])
	build(t, clone, out, "PLATFORMS=linux/"+runtime.GOARCH)
	require.FileExists(t, filepath.Join(out, name+"_"+head[1]+"-1_"+runtime.GOARCH+".deb"))
}

// cloneOf clones the last commit into a folder.
func cloneOf(t *testing.T, folder string) string {
	t.Helper()
	root, err := filepath.Abs(rig.Root)
	require.NoError(t, err)
	output, err := exec.Command("git", "clone", "--quiet", "--no-tags", root, folder).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return folder
}

// A folder with something in it is left alone.
func TestFolderInUse(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "mine"), nil, 0o600))
	output, err := exec.Command(rig.Root+"/packaging/build", folder).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), folder+" is not empty")
}
