package admin

import (
	"regexp"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// internalTopics are the names that Apache's tools hold to be internal.
var internalTopics = map[string]bool{
	"__consumer_offsets":  true,
	"__transaction_state": true,
	"__share_group_state": true,
}

// TopicFilter matches topic names against a list of regular expressions, written with commas or bars between them.
type TopicFilter struct{ pattern *regexp.Regexp }

// NewTopicFilter reads a filter; blanks and quotes around it do not count.
func NewTopicFilter(raw string) (*TopicFilter, error) {
	text := strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(raw), ",", "|"), " ", "")
	text = strings.Trim(text, `"'`)
	pattern, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return nil, tool.Errorf("%s is an invalid regex.", text)
	}
	return &TopicFilter{pattern}, nil
}

// Allows tells whether the filter lets a topic through.
func (f *TopicFilter) Allows(topic string, excludeInternal bool) bool {
	return f.pattern.MatchString(topic) && !(excludeInternal && internalTopics[topic])
}
