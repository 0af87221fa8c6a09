package config

import (
	"regexp"
	"slices"
	"strings"
)

// topicSynonyms maps a topic setting to the broker settings that give its default, the strongest first. The value of a
// broker setting in another unit is converted; see brokerDefault.
var topicSynonyms = map[string][]string{
	"cleanup.policy":                  {"log.cleanup.policy"},
	"compression.gzip.level":          {"compression.gzip.level"},
	"compression.lz4.level":           {"compression.lz4.level"},
	"compression.type":                {"compression.type"},
	"compression.zstd.level":          {"compression.zstd.level"},
	"delete.retention.ms":             {"log.cleaner.delete.retention.ms"},
	"file.delete.delay.ms":            {"log.segment.delete.delay.ms"},
	"flush.messages":                  {"log.flush.interval.messages"},
	"flush.ms":                        {"log.flush.interval.ms", "log.flush.scheduler.interval.ms"},
	"index.interval.bytes":            {"log.index.interval.bytes"},
	"local.retention.bytes":           {"log.local.retention.bytes"},
	"local.retention.ms":              {"log.local.retention.ms"},
	"max.compaction.lag.ms":           {"log.cleaner.max.compaction.lag.ms"},
	"max.message.bytes":               {"message.max.bytes"},
	"message.timestamp.after.max.ms":  {"log.message.timestamp.after.max.ms"},
	"message.timestamp.before.max.ms": {"log.message.timestamp.before.max.ms"},
	"message.timestamp.type":          {"log.message.timestamp.type"},
	"min.cleanable.dirty.ratio":       {"log.cleaner.min.cleanable.ratio"},
	"min.compaction.lag.ms":           {"log.cleaner.min.compaction.lag.ms"},
	"min.insync.replicas":             {"min.insync.replicas"},
	"ottla.flush.before.ack":          {"ottla.flush.before.ack"},
	"preallocate":                     {"log.preallocate"},
	"retention.bytes":                 {"log.retention.bytes"},
	"retention.ms":                    {"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
	"segment.bytes":                   {"log.segment.bytes"},
	"segment.index.bytes":             {"log.index.size.max.bytes"},
	"segment.jitter.ms":               {"log.roll.jitter.ms", "log.roll.jitter.hours"},
	"segment.ms":                      {"log.roll.ms", "log.roll.hours"},
	"unclean.leader.election.enable":  {"unclean.leader.election.enable"},
}

// TopicSynonyms returns the broker settings that give a topic setting's default, the strongest first; nil for a
// setting that the broker has none for.
func TopicSynonyms(topicSetting string) []string { return topicSynonyms[topicSetting] }

// GroupSynonym returns the broker setting that gives a group setting's default, "" where there is none.
func GroupSynonym(groupSetting string) string {
	name := "group." + groupSetting
	if brokerTable.byName[name] == nil {
		return ""
	}
	return name
}

// synonymSets are broker settings that set the same thing in several units, the strongest first.
var synonymSets = [][]string{
	{"log.roll.ms", "log.roll.hours"},
	{"log.roll.jitter.ms", "log.roll.jitter.hours"},
	{"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
}

var listenerSetting = regexp.MustCompile(`^listener\.name\.[^.]*\.(.*)$`)

// listenerBase returns the setting behind `listener.name.<listener>.<setting>`.
func listenerBase(name string) (string, bool) {
	m := listenerSetting.FindStringSubmatch(name)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// mechanismSettings are given per listener and SASL mechanism: `listener.name.<listener>.<mechanism>.<setting>`.
var mechanismSettings = []string{
	"sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class", "sasl.server.callback.handler.class",
	"connections.max.reauth.ms",
}

// brokerSynonyms returns the names under which the value of a broker setting may stand, the strongest first. With
// matchListener, a listener's setting has the plain one as its synonym.
func brokerSynonyms(name string, matchListener bool) []string {
	for _, set := range synonymSets {
		if slices.Contains(set, name) {
			return set
		}
	}
	if name == "log.flush.interval.ms" {
		return []string{name, "log.flush.scheduler.interval.ms"}
	}
	if matchListener {
		if base, ok := listenerBase(name); ok {
			for _, m := range mechanismSettings {
				if strings.HasSuffix(base, m) {
					base = m
				}
			}
			return []string{name, base}
		}
	}
	return []string{name}
}

// override puts the values of over into props. Their synonyms go away, so that a dynamic log.retention.hours would win
// over a static log.retention.ms.
func override(props, over map[string]string) {
	for name, value := range over {
		for _, synonym := range brokerSynonyms(name, false) {
			delete(props, synonym)
		}
		props[name] = value
	}
}
