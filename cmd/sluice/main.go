// Sluice is the operator's tool for JSON logs: it reads, checks, keeps and replays them.
//
// "sluice help" lists its commands; docs/sluice.md has a page for each.
package main

import (
	"os"

	"github.com/spf13/cobra"
)

func main() {
	cobra.EnableCommandSorting = false // help lists them by what they are for
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
