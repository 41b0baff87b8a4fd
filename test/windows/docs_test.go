//go:build linux

package windows

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// Every command of docs/install-windows.md, in order, on a simulated node.
func TestInstallPage(t *testing.T) {
	c := withPackages(t)
	c.makeNode()
	c.addTelegraf()
	_, hosts := c.Start(simulator.Server{})
	page := c.Read(rig.Root + "/docs/install-windows.md")
	msi := regexp.MustCompile(`\S+\.msi`).FindString(strings.ReplaceAll(page, "`", " "))
	c.copy(c.path("old.msi"), msi)

	// PowerShell does not run under Wine; test/telegraf checks its blocks.
	blocks := regexp.MustCompile("(?ms)^```bat\n(.*?)^```$").FindAllStringSubmatch(page, -1)
	expected := []func(output string){
		func(string) {
			require.Equal(t, appendSorted(packageFiles, "telegraf.conf", "telegraf.d/"+thisNode, "telegraf.exe"), c.files("Program Files/Telegraf"))
		},
		func(output string) { require.Regexp(t, `source=`+hosts[0]+` .*result="success"`, output) },
		func(string) { require.FileExists(t, c.path(dropIns+"qlik-sense-version.conf")) },
		func(string) {
			require.Equal(t, []string{"telegraf.conf", "telegraf.exe"}, c.files("Program Files/Telegraf"))
		},
	}
	require.Len(t, blocks, len(expected), "a block without a check")
	for i, block := range blocks {
		lines := "@echo off\nset COMPUTERNAME=" + hosts[0] + "\nC:\ncd \\\n" + block[1]
		c.write("step.cmd", strings.ReplaceAll(lines, "\n", "\r\n"))
		expected[i](c.mustRun("cmd", "/c", `C:\step.cmd`))
	}
}
