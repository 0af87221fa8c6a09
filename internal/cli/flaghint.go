package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// foreignFlags are what other programs call a flag of ours.
var foreignFlags = map[string]string{"broker-list": "bootstrap", "brokers": "bootstrap", "broker": "bootstrap", "partition-count": "partitions"}

// flagHint names the flag that was probably meant by one that a command does not have: the same under another program's name, or one whose
// name begins the unknown one, or the other way round. It is empty where nothing is near.
func flagHint(command *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return ""
	}
	name := unknown.GetSpecifiedName()
	if len(name) < 2 {
		return ""
	}
	if ours, ok := foreignFlags[name]; ok && command.Flag(ours) != nil {
		return ours
	}
	var near string
	command.Flags().VisitAll(func(f *pflag.Flag) {
		if near == "" && !f.Hidden && (strings.HasPrefix(name, f.Name) || strings.HasPrefix(f.Name, name)) {
			near = f.Name
		}
	})
	return near
}
