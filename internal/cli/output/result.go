package output

import (
	"errors"
	"fmt"
	"strings"
)

// Result is what became of one thing that a command changed.
type Result struct {
	Name   string `json:"name"`
	Action string `json:"action,omitempty"` // what was done: created, deleted, …
	Detail string `json:"detail,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
	Error  *Error `json:"error,omitempty"`
}

// Results tells what became of the things of one kind: a line each for people, a list for programs. Its error joins those of the things that
// failed, with the first one's exit code.
func (p *Printer) Results(kind string, results []Result) error {
	var failed []error
	for _, r := range results {
		if r.Error != nil {
			failed = append(failed, r.Error)
		}
	}
	if p.Structured() {
		if err := p.Print(results); err != nil {
			return err
		}
		return Join(failed)
	}
	for _, r := range results {
		if r.Error == nil {
			fmt.Fprintln(p.Out, r.line(kind))
		}
	}
	return Join(failed)
}

func (r Result) line(kind string) string {
	text := fmt.Sprintf("%s %s %s", kind, Clean(r.Name), r.Action)
	if r.Detail != "" {
		text += ": " + Clean(r.Detail)
	}
	if r.DryRun {
		text += " (dry run, nothing was changed)"
	}
	return text
}

// Fail makes a result of an error; about says what it is about.
func (r Result) Fail(about string, err error, detail string) Result {
	r.Action, r.Detail = "", ""
	r.Error = Classify(About(about, err, detail))
	return r
}

// Join makes one error of several: all messages, the exit code and the hint of the first. It is nil if there are none.
func Join(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	first := *Classify(errs[0])
	messages := make([]string, len(errs))
	for i, err := range errs {
		messages[i] = Classify(err).Message
	}
	first.Message = strings.Join(messages, "\n")
	return &first
}

// IsNotFound says whether an error means that something does not exist.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Exit == NotFound
}
