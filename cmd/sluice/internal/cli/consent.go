package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// A Consent is what the flags of a command say about doing what it has shown.
type Consent struct {
	Yes, DryRun bool
}

// Agreed reports whether to do it: with Yes, or if somebody on the terminal says so. Where nobody is to be asked, or the
// answer is no, it says so: that nothing was done, and what yes would do.
func (o Consent) Agreed(c *cobra.Command, ask bool, question, nothing, yes string) bool {
	switch {
	case o.Yes:
		return true
	case o.DryRun:
		return false
	case !ask || !IsTerminal(c.InOrStdin()) || !IsTerminal(c.OutOrStdout()):
		fmt.Fprintf(c.ErrOrStderr(), "%s: %s: --yes %s\n", c.CommandPath(), nothing, yes)
		return false
	}
	agreed := Confirm(c.Context(), c.InOrStdin(), c.OutOrStdout(), question)
	if !agreed {
		fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", c.CommandPath(), nothing)
	}
	return agreed
}
