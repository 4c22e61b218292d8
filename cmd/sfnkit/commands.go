package main

import "github.com/spf13/cobra"

func commands() []*cobra.Command {
	return []*cobra.Command{
		runCommand(),
		testCommand(),
		validateCommand(),
		policyCommand(),
		serveCommand(),
		explainCommand(),
		evalCommand(),
		versionCommand(),
	}
}
