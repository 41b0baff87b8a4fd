package main

import (
	"runtime"

	assets "telegraf-qlik-sense-version"
)

const configUsage = `Print the settings file, each setting explained, or the drop-in for Telegraf's
folder telegraf.d with the settings inside:

  ` + programName + ` config [--telegraf]

  --telegraf                the drop-in, for this operating system
`

func runConfig(args []string) error {
	flags := newFlags(programName+" config", configUsage)
	dropIn := flags.Bool("telegraf", false, "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *dropIn {
		return printOut(assets.DropIn(runtime.GOOS))
	}
	return printOut(assets.SampleConfig)
}
