package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// BrokerError is an error code that a broker answered, with its own message or else the code's usual one.
type BrokerError struct {
	Code    int16
	Message string
}

// CodeError turns an error code and a broker's message into an error; code 0 is nil.
func CodeError(code int16, message *string) error {
	if code == 0 {
		return nil
	}
	if message != nil && *message != "" {
		return &BrokerError{Code: code, Message: *message}
	}
	return &BrokerError{Code: code, Message: defaultMessage(code)}
}

func defaultMessage(code int16) string {
	if e := kerr.TypedErrorForCode(code); e != nil {
		return e.Description
	}
	return ""
}

// Error gives the message alone, as Java's getMessage.
func (e *BrokerError) Error() string { return e.Message }

// exceptionNames are the codes whose Java exception is not named after the code.
var exceptionNames = map[string]string{
	"CORRUPT_MESSAGE":                       "CorruptRecordException",
	"REQUEST_TIMED_OUT":                     "TimeoutException",
	"MESSAGE_TOO_LARGE":                     "RecordTooLargeException",
	"STALE_CONTROLLER_EPOCH":                "ControllerMovedException",
	"OFFSET_METADATA_TOO_LARGE":             "OffsetMetadataTooLarge",
	"RECORD_LIST_TOO_LARGE":                 "RecordBatchTooLargeException",
	"TOPIC_AUTHORIZATION_FAILED":            "TopicAuthorizationException",
	"GROUP_AUTHORIZATION_FAILED":            "GroupAuthorizationException",
	"CLUSTER_AUTHORIZATION_FAILED":          "ClusterAuthorizationException",
	"TRANSACTIONAL_ID_AUTHORIZATION_FAILED": "TransactionalIdAuthorizationException",
	"SASL_AUTHENTICATION_FAILED":            "SaslAuthenticationException",
	"TOPIC_ALREADY_EXISTS":                  "TopicExistsException",
	"INVALID_CONFIG":                        "InvalidConfigurationException",
	"OUT_OF_ORDER_SEQUENCE_NUMBER":          "OutOfOrderSequenceException",
	"DUPLICATE_SEQUENCE_NUMBER":             "DuplicateSequenceException",
	"INVALID_PRODUCER_ID_MAPPING":           "InvalidPidMappingException",
	"INVALID_TRANSACTION_TIMEOUT":           "InvalidTxnTimeoutException",
	"NON_EMPTY_GROUP":                       "GroupNotEmptyException",
	"DELEGATION_TOKEN_AUTH_DISABLED":        "DelegationTokenDisabledException",
	"DELEGATION_TOKEN_REQUEST_NOT_ALLOWED":  "UnsupportedByAuthenticationException",
	"DELEGATION_TOKEN_AUTHORIZATION_FAILED": "DelegationTokenAuthorizationException",
	"INVALID_REGULAR_EXPRESSION":            "InvalidRegularExpression",
	"PRINCIPAL_DESERIALIZATION_FAILURE":     "PrincipalDeserializationException",
}

// ExceptionClass names Java's exception for an error code, which Apache's tools print in places.
func ExceptionClass(code int16) string {
	const pkg = "org.apache.kafka.common.errors."
	e := kerr.TypedErrorForCode(code)
	if e == nil {
		return pkg + "UnknownServerException"
	}
	if name, ok := exceptionNames[e.Message]; ok {
		return pkg + name
	}
	var b strings.Builder
	for part := range strings.SplitSeq(e.Message, "_") {
		b.WriteString(part[:1] + strings.ToLower(part[1:]))
	}
	name := strings.TrimSuffix(b.String(), "Error")
	if !strings.HasSuffix(name, "Exception") {
		name += "Exception"
	}
	return pkg + name
}

// TimeoutError says that a call did not get its answer within the client's time.
type TimeoutError struct{ Call string }

// Error reads as the Java client's does when no broker can be reached.
func (e *TimeoutError) Error() string {
	return "Timed out waiting for a node assignment. Call: " + e.Call
}

// Message is an error's text as Java's getMessage gives it: without the exception's name.
func Message(err error) string {
	if broker := asBrokerError(err); broker != nil {
		return broker.Message
	}
	if errors.Is(err, context.Canceled) {
		return "Interrupted"
	}
	return err.Error()
}

// Describe is an error's text as Java gives it for a wrapped exception: with the exception's name in front.
func Describe(err error) string {
	if broker := asBrokerError(err); broker != nil {
		return ExceptionClass(broker.Code) + ": " + broker.Message
	}
	var timeout *TimeoutError
	if errors.As(err, &timeout) {
		return "org.apache.kafka.common.errors.TimeoutException: " + timeout.Error()
	}
	return err.Error()
}

// CodeOf is the broker's error code inside an error, or 0.
func CodeOf(err error) int16 {
	if broker := asBrokerError(err); broker != nil {
		return broker.Code
	}
	return 0
}

func asBrokerError(err error) *BrokerError {
	var broker *BrokerError
	if errors.As(err, &broker) {
		return broker
	}
	var k *kerr.Error
	if errors.As(err, &k) {
		return &BrokerError{Code: k.Code, Message: k.Description}
	}
	return nil
}

// Errorf makes an error whose text is shown as it is and reads as Apache's tools say it: with a capital letter and often a
// full stop, unlike other errors in Go.
func Errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }
