package protocol

import (
	"errors"
	"fmt"
)

// Error is a Kafka error code with a message for the person at the client: what was wrong, where, what to do next.
type Error struct {
	Code    Code
	Message string
}

// Errorf returns an *Error.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string { return e.Code.Name() + ": " + e.Message }

// Unwrap makes errors.Is(err, protocol.X) true.
func (e *Error) Unwrap() error { return e.Code }

// CodeOf returns the Kafka code that an error carries: None for nil, UnknownServerError for an error without one.
func CodeOf(err error) Code {
	if err == nil {
		return None
	}
	var code Code
	if errors.As(err, &code) {
		return code
	}
	return UnknownServerError
}

// MessageOf returns the text that goes beside the code in a response, nil where there is none to give.
func MessageOf(err error) *string {
	var e *Error
	if errors.As(err, &e) {
		return &e.Message
	}
	return nil
}

// TextOf returns words for an error where a response wants some in any case: its message, or else the code's name. It is nil for nil.
func TextOf(err error) *string {
	if err == nil {
		return nil
	}
	if m := MessageOf(err); m != nil {
		return m
	}
	name := CodeOf(err).Name()
	return &name
}
