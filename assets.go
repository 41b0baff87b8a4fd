// Package assets holds the files that an operator copies, so that the program can
// print them.
package assets

import _ "embed"

// SampleConfig is sample.conf: the plugin's settings, each one explained.
//
//go:embed sample.conf
var SampleConfig string

//go:embed deploy/telegraf.d/linux/qlik-sense-version.conf
var dropInLinux string

//go:embed deploy/telegraf.d/windows/qlik-sense-version.conf
var dropInWindows string

// DropIn is the file for Telegraf's folder telegraf.d that holds the settings as
// well, with the paths of an operating system as in runtime.GOOS.
func DropIn(goos string) string {
	if goos == "windows" {
		return dropInWindows
	}
	return dropInLinux
}
