package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

const versionUsage = `Print version, commit and Go version of this program, and the system it is built for:

  ` + programName + ` version
`

func runVersion(args []string) error {
	if done, err := parse(newFlags(programName+" version", versionUsage), args); done {
		return err
	}
	return printOut(version() + "\n")
}

// version says what this program was built from, as far as the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return programName + " (unknown build)"
	}
	commit, modified := "unknown", ""
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			commit = setting.Value
		case "vcs.modified":
			if setting.Value == "true" {
				modified = " with changes"
			}
		}
	}
	return fmt.Sprintf("%s %s (commit %s%s, %s, %s/%s)",
		programName, info.Main.Version, commit, modified, info.GoVersion, runtime.GOOS, runtime.GOARCH)
}
