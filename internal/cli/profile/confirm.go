package profile

import (
	"bufio"
	"fmt"
	"strings"

	"ottla.dev/ottla/internal/cli/output"
)

// Confirm asks before something is destroyed. A script, which cannot be asked, has decided already; yes is the flag that says so for people.
func (s *Session) Confirm(yes bool, question string, args ...any) error {
	if yes || !s.Interactive {
		return nil
	}
	fmt.Fprintf(s.Out.Err, question+" [y/N] ", args...)
	answer, _ := bufio.NewReader(s.In).ReadString('\n') // an end of the input is a no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return output.Refusedf("not confirmed, nothing was changed")
}
