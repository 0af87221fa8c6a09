package clienttools

import "fmt"

// exception is an error that reads as a Java exception does: its class, then its message. Scripts look for both.
type exception struct {
	class, message string
	cause          error
}

func (e *exception) Error() string {
	if e.message == "" {
		return e.class
	}
	return e.class + ": " + e.message
}

func (e *exception) Unwrap() error { return e.cause }

// Classes of Kafka and Java that the tools name in errors.
const (
	classKafka              = "org.apache.kafka.common.KafkaException"
	classConfig             = "org.apache.kafka.common.config.ConfigException"
	classTimeout            = "org.apache.kafka.common.errors.TimeoutException"
	classInvalidTopic       = "org.apache.kafka.common.errors.InvalidTopicException"
	classTopicAuthorization = "org.apache.kafka.common.errors.TopicAuthorizationException"
	classUnsupportedVersion = "org.apache.kafka.common.errors.UnsupportedVersionException"
	classRecordTooLarge     = "org.apache.kafka.common.errors.RecordTooLargeException"
	classSerialization      = "org.apache.kafka.common.errors.SerializationException"
	classNotFound           = "java.lang.ClassNotFoundException"
	classRuntime            = "java.lang.RuntimeException"
	classPattern            = "java.util.regex.PatternSyntaxException"
	classIllegalArgument    = "java.lang.IllegalArgumentException"
)

func exceptionf(class, format string, args ...any) error {
	return &exception{class: class, message: fmt.Sprintf(format, args...)}
}
