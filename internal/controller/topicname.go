package controller

import (
	"strings"

	"ottla.dev/ottla/internal/protocol"
)

// maxTopicName leaves room for what a partition's directory adds to the name.
const maxTopicName = 249

// metadataTopic is KRaft's own topic, which nobody may create.
const metadataTopic = "__cluster_metadata"

// CheckTopicName returns an error with Kafka's text for a name that no topic may have.
func CheckTopicName(name string) error {
	reason := ""
	switch {
	case name == "":
		reason = "the empty string is not allowed"
	case name == "." || name == "..":
		reason = "'" + name + "' is not allowed"
	case len([]rune(name)) > maxTopicName:
		reason = "the length of '" + name + "' is longer than the max allowed length 249"
	case strings.IndexFunc(name, illegal) >= 0:
		reason = "'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
	default:
		return nil
	}
	return protocol.Errorf(protocol.InvalidTopicException, "Topic name is invalid: %s", reason)
}

func illegal(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
}
