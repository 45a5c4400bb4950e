package main

import (
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

// newDescribe returns the command that shows what the tool found.
func newDescribe(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "describe",
		Short:   "Show the stack's outputs, as a check of credentials, region and stack name",
		Example: "  scripts/ops describe\n  scripts/ops describe --stack TapStackprod --region eu-central-1 --json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, s, err := a.connect(command.Context())
			if err != nil {
				return err
			}
			return a.print(map[string]any{"stack": s.Name, "outputs": s.Outputs}, func(w io.Writer) {
				rows := [][]string{}
				for _, key := range slices.Sorted(maps.Keys(s.Outputs)) {
					rows = append(rows, []string{key, s.Outputs[key]})
				}
				table(w, []string{"output of " + s.Name, "value"}, rows)
			})
		},
	}
}
