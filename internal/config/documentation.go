package config

import (
	"fmt"
	"strings"
)

const docIntro = `# Configuration

This page is made from the declarations in ` + "`internal/config`" + ` by ` + "`go run ./internal/config/gendocs -o docs/configuration.md`" + `; do not edit it.

Ottla takes Apache Kafka's configuration as it is: a ` + "`server.properties`" + ` of Kafka 4.3 (KRaft) starts it.

## Where settings come from

From the strongest to the weakest:

1. dynamic values of this broker (` + "`ottla config`, `kafka-configs --entity-type brokers --entity-name ID`" + `),
2. dynamic values for all brokers (` + "`--entity-default`" + `),
3. ` + "`--set key=value`" + ` on the command line,
4. environment: ` + "`KAFKA_LOG_DIRS`" + ` is ` + "`log.dirs`" + `; ` + "`_`" + ` stands for a dot, ` + "`__`" + ` for an underscore, ` + "`___`" + ` for a hyphen, as in Kafka's container images,
5. the configuration file, read by Java's rules for properties files,
6. defaults.

Topics and groups have settings of their own, which stand before the broker's.

A value that is not allowed stops the start; the message names the key, the value, where it stands and what is allowed. A key that
nobody knows gives a warning with the nearest known name.

## What the columns say

- **Change**: *read-only* needs a restart; *per-broker* can be changed while the broker runs, for one broker; *cluster-wide* also
  for all of them.
- **Effect**: *yes*; *not yet*: it belongs to a part of Kafka that Ottla does not have yet; *no effect*: what it tunes does not exist
  in Ottla. Every setting is accepted, stored and described as Kafka does, whatever its effect.

Settings that begin with ` + "`ottla.`" + ` are Ottla's own. Like Kafka's internal settings they appear in DescribeConfigs only where they are
set, so that Kafka's tools see the set of names that they know. A setting may stand under ` + "`listener.name.NAME.`" + ` to hold for one listener.

Two things differ on purpose: a single node needs neither ` + "`controller.quorum.voters`" + ` nor a controller listener, and a wildcard in
` + "`listeners`" + ` is allowed without ` + "`advertised.listeners`" + `: clients are then told the address that they reached. Java classes cannot run in Ottla;
settings that name one are accepted without effect. Configuration providers (` + "`${file:…}`" + `) are refused, because their text must not be
taken for the value.
`

// Documentation returns the page on all settings, in Markdown.
func Documentation() string {
	var b strings.Builder
	b.WriteString(docIntro)
	b.WriteString("\n## Broker settings\n")
	for _, a := range brokerAreas {
		writeArea(&b, "### "+a.Title, a.Settings, true)
	}
	b.WriteString("\nThe rates of the section on quotas that are dynamic only cannot stand in the file.\n")
	for _, a := range topicAreas {
		writeArea(&b, "## "+a.Title, a.Settings, false)
	}
	writeArea(&b, "## Groups", groupconfigSettings, false)
	writeArea(&b, "## Client metrics", clientmetricsSettings, false)
	return b.String()
}

func writeArea(b *strings.Builder, title string, settings []Setting, broker bool) {
	fmt.Fprintf(b, "\n%s\n\n", title)
	if broker {
		b.WriteString("| Name | Type and values | Default | Change | Effect | What it does |\n|---|---|---|---|---|---|\n")
	} else {
		b.WriteString("| Name | Type and values | Default | Default from | Effect | What it does |\n|---|---|---|---|---|---|\n")
	}
	for i := range settings {
		s := &settings[i]
		fourth := s.Scope.String()
		if !broker {
			fourth = defaultFrom(s.Name)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s |\n", s.Name, cell(s.Allowed()), defaultCell(s), fourth, s.Effect, cell(s.Doc))
	}
}

// defaultFrom names the broker settings that a topic's or group's default comes from.
func defaultFrom(name string) string {
	names := topicSynonyms[name]
	if broker := GroupSynonym(name); names == nil && broker != "" {
		names = []string{broker}
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "`" + n + "`"
	}
	return strings.Join(quoted, ", ")
}

func defaultCell(s *Setting) string {
	switch {
	case s.required:
		return "(required)"
	case !s.HasDefault():
		return "null"
	case s.Default == "":
		return "(empty)"
	}
	return "`" + cell(s.Default) + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
