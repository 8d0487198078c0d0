// Package stat is the command stat: what a log holds, in one look.
package stat

import "github.com/spf13/cobra"

// Command returns the command.
func Command() *cobra.Command {
	return &cobra.Command{Use: "stat", Short: "TODO"}
}
