package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

const versionUsage = `Print version, commit and Go version of this program, and the system it is built for:

  ` + programName + ` version
`

// Version and commit of a package. The linker sets them (packaging/build), because Go records
// a version only when it builds from a tag.
var packageVersion, packageCommit string

func runVersion(args []string) error {
	if err := parse(newFlags(programName+" version", versionUsage), args); err != nil {
		return err
	}
	return printOut(version() + "\n")
}

// version describes the build, as far as it is known.
func version() string {
	name, commit := packageVersion, packageCommit
	if name == "" {
		name, commit = builtFrom()
	}
	return fmt.Sprintf("%s %s (commit %s, %s, %s/%s)", programName, name, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// builtFrom returns the version and the commit that Go recorded in the program.
func builtFrom() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", "unknown"
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
	return info.Main.Version, commit + modified
}
