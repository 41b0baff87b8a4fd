// Command review prints the differences between two catalogue files and the undecided advisories
// of the newer one, for whoever approves a change of the built-in catalogue ("make catalog").
package main

import (
	"fmt"
	"os"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "name two files: the old catalogue and the new one")
		os.Exit(1)
	}
	if err := review(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func review(oldFile, newFile string) error {
	old, err := catalog.Load(oldFile)
	if err != nil {
		return err
	}
	newer, err := catalog.Load(newFile)
	if err != nil {
		return err
	}
	diff := old.Diff(newer)
	fmt.Printf("\nFor review: %s\n", text.Plural(len(diff), "difference"))
	for _, line := range diff {
		fmt.Println("  " + text.OneLine(line))
	}
	undecided := newer.Undecided()
	fmt.Printf("\nUndecided: %d\n", len(undecided))
	for _, a := range undecided {
		exploited := ""
		if a.Exploited() {
			exploited = " (EXPLOITED: no server is compliant until it is decided)"
		}
		fmt.Println("  " + text.OneLine(a.ID+exploited+": "+a.Summary))
	}
	fmt.Println("\n" + catalog.NVDNotice)
	return nil
}
