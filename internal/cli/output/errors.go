package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Exit codes. They are a promise to scripts: none changes its meaning.
const (
	OK          = 0
	Failed      = 1   // anything that has no code of its own
	Usage       = 2   // the command line is wrong
	NotFound    = 3   // what the command is about does not exist
	Unreachable = 4   // no broker answered, or not in time
	Refused     = 5   // the present state forbids it: it exists already, the group has members, it was not confirmed
	Interrupted = 130 // stopped by a signal
)

// ExitCodes is the list of exit codes as the help shows it.
const ExitCodes = `  0    done
  1    failed
  2    wrong usage: unknown command, flag or value
  3    not found: the topic, group, broker or setting does not exist
  4    unreachable: no broker answered, or not in time
  5    refused: it exists already, the group has members, or you did not confirm
  130  interrupted`

// Error is a failure as people and programs are told it.
type Error struct {
	Exit    int    `json:"exit_code"`
	Code    string `json:"code"` // Kafka's name of the error where there is one
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do next
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// WithHint adds what to do next.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Usagef is the error of a wrong command line.
func Usagef(format string, args ...any) *Error {
	return &Error{Exit: Usage, Code: "USAGE", Message: fmt.Sprintf(format, args...)}
}

// NotFoundf is the error of something that does not exist.
func NotFoundf(format string, args ...any) *Error {
	return &Error{Exit: NotFound, Code: "NOT_FOUND", Message: fmt.Sprintf(format, args...)}
}

// Failedf is any other error.
func Failedf(format string, args ...any) *Error {
	return &Error{Exit: Failed, Code: "FAILED", Message: fmt.Sprintf(format, args...)}
}

// Refusedf is the error of something that the present state forbids.
func Refusedf(format string, args ...any) *Error {
	return &Error{Exit: Refused, Code: "REFUSED", Message: fmt.Sprintf(format, args...)}
}

// Timeoutf is the error of something that did not come in time.
func Timeoutf(format string, args ...any) *Error {
	return &Error{Exit: Unreachable, Code: "TIMEOUT", Message: fmt.Sprintf(format, args...)}
}

// About says what an error is about, such as `topic orders`; detail is the broker's own message and may be empty. Nil stays nil.
func About(subject string, err error, detail string) error {
	if err == nil {
		return nil
	}
	e := *Classify(err)
	if detail != "" && errors.As(err, new(*kerr.Error)) {
		e.Message = fmt.Sprintf("%s (%s)", strings.TrimRight(detail, "."), e.Code)
	}
	e.Message = subject + ": " + e.Message
	return &e
}

// Classify finds the exit code and the words of any error.
func Classify(err error) *Error {
	var e *Error
	var k *kerr.Error
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &k):
		return &Error{Exit: kafkaExit(k), Code: k.Message, Message: kafkaWords(k)}
	case errors.As(err, &dns):
		return &Error{Exit: Unreachable, Code: "UNREACHABLE", Message: fmt.Sprintf("the host name %s cannot be resolved", dns.Name)}
	case errors.As(err, &op) && op.Op == "dial":
		return &Error{Exit: Unreachable, Code: "UNREACHABLE", Message: fmt.Sprintf("the broker at %v cannot be reached: %v", op.Addr, op.Err)}
	case errors.Is(err, context.DeadlineExceeded):
		return Timeoutf("no answer in time").WithHint("--timeout allows more")
	case errors.Is(err, context.Canceled):
		return &Error{Exit: Interrupted, Code: "INTERRUPTED", Message: "interrupted"}
	}
	return Failedf("%v", err)
}

func kafkaExit(k *kerr.Error) int {
	switch k {
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.GroupIDNotFound, kerr.ResourceNotFound:
		return NotFound
	case kerr.RequestTimedOut:
		return Unreachable
	case kerr.TopicAlreadyExists, kerr.NonEmptyGroup, kerr.GroupSubscribedToTopic:
		return Refused
	}
	return Failed
}

// kafkaWords says what an error code means to somebody who does not know Kafka's codes.
func kafkaWords(k *kerr.Error) string {
	words := map[*kerr.Error]string{
		kerr.UnknownTopicOrPartition: "does not exist",
		kerr.UnknownTopicID:          "does not exist",
		kerr.GroupIDNotFound:         "does not exist",
		kerr.TopicAlreadyExists:      "exists already",
		kerr.NonEmptyGroup:           "has members",
		kerr.GroupSubscribedToTopic:  "the group still reads this topic",
		kerr.RequestTimedOut:         "the broker did not finish in time",
	}
	if text, ok := words[k]; ok {
		return fmt.Sprintf("%s (%s)", text, k.Message)
	}
	return fmt.Sprintf("%s (%s)", strings.TrimRight(k.Description, "."), k.Message)
}

// PrintError tells of an error in the form that was asked for and returns the exit code.
func PrintError(w io.Writer, f Format, err error) int {
	e := Classify(err)
	if f == JSON || f == YAML {
		if encode(w, f, map[string]*Error{"error": e}) == nil {
			return e.Exit
		}
	}
	for line := range strings.Lines(e.Message) {
		fmt.Fprintln(w, "ottla: "+Clean(strings.TrimRight(line, "\n")))
	}
	if e.Hint != "" {
		fmt.Fprintln(w, e.Hint)
	}
	return e.Exit
}
