// Package tool is what all of Apache's command-line tools have in common: how a tool is declared and run without touching the
// process, how its options are read (in the manner of the two option libraries that Apache's tools use), how it reaches a
// cluster with Java's property names, and how errors read.
package tool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// KafkaVersion is the release of Apache Kafka whose tools these are; --version prints it, as scripts expect.
const KafkaVersion = "4.3.1"

// IO is where a tool reads and writes, so that tests and the single binary can run it in the same process.
type IO struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Printf writes to standard output.
func (s IO) Printf(format string, args ...any) { fmt.Fprintf(s.Stdout, format, args...) }

// Println writes a line to standard output.
func (s IO) Println(args ...any) { fmt.Fprintln(s.Stdout, args...) }

// Errorf writes to standard error.
func (s IO) Errorf(format string, args ...any) { fmt.Fprintf(s.Stderr, format, args...) }

// Errorln writes a line to standard error.
func (s IO) Errorln(args ...any) { fmt.Fprintln(s.Stderr, args...) }

// Tool is one command: the name without ".sh", one line that says what it is for, and the function that runs it and
// returns the process's exit code. Run ends early when ctx is cancelled.
type Tool struct {
	Name  string
	Short string
	Run   func(ctx context.Context, io IO, args []string) int
}

// Find returns the tool of that name, with or without ".sh" at its end.
func Find(tools []Tool, name string) (Tool, bool) {
	name = strings.TrimSuffix(name, ".sh")
	for _, t := range tools {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

// Exit is an error that says how a tool must end: its exit code, what it prints, and whether the usage follows.
type Exit struct {
	Code    int
	Message string
	Usage   bool // the parser's usage follows the message, on the same stream
	Stdout  bool // the message goes to standard output instead of standard error
}

// Error gives the message.
func (e *Exit) Error() string { return e.Message }

// Fail is an error that ends a tool with code 1 and this message on standard error.
func Fail(format string, args ...any) error {
	return &Exit{Code: 1, Message: fmt.Sprintf(format, args...)}
}

// UsageError is an error that ends a tool with code 1, this message and the usage on standard error.
func UsageError(format string, args ...any) error {
	return &Exit{Code: 1, Message: fmt.Sprintf(format, args...), Usage: true}
}

// Finish prints what err demands and gives the exit code: 0 for nil, what an Exit says, else 1 with the error on standard
// error. p supplies the usage and may be nil.
func Finish(s IO, p *Parser, err error) int {
	if err == nil {
		return 0
	}
	var exit *Exit
	if !errors.As(err, &exit) {
		s.Errorln(Message(err))
		return 1
	}
	out := s.Stderr
	if exit.Stdout {
		out = s.Stdout
	}
	if exit.Message != "" {
		fmt.Fprintln(out, exit.Message)
	}
	if exit.Usage && p != nil {
		p.PrintUsage(out)
	}
	return exit.Code
}
