package config

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/output"
)

func text(s string) *string { return &s }

func TestChanges(t *testing.T) {
	list, none := Setting{Value: text("a,b"), Otherwise: text("a")}, Setting{}
	for _, tc := range []struct {
		word string
		old  Setting
		name string
		want string
	}{
		{"k=v", list, "k", "v"},
		{"k=", list, "k", ""},
		{"k=a=b", none, "k", "a=b"},
		{"k+=c", list, "k", "a,b,c"},
		{"k+=b,c", list, "k", "a,b,c"},
		{"k+=c", none, "k", "c"},
		{"k-=a", list, "k", "b"},
		{"k-=a,b", list, "k", ""},
		{"k-=z", list, "k", "a,b"},
	} {
		c, err := ParseChange(tc.word)
		if err != nil {
			t.Errorf("%s: %v", tc.word, err)
			continue
		}
		if got := c.on(tc.old); c.Name != tc.name || got == nil || *got != tc.want {
			t.Errorf("%s on %v: %s = %v", tc.word, deref(tc.old.Value), c.Name, deref(got))
		}
	}
	if got := Delete("k").on(list); deref(got) != "a" {
		t.Errorf("deleting leaves %v", deref(got))
	}
	for _, word := range []string{"", "k", "=v", "+=v", "-=v"} {
		if _, err := ParseChange(word); output.Classify(err).Exit != output.Usage {
			t.Errorf("%q is taken", word)
		}
	}
}

func TestOtherwiseIsInTheSettingsUnit(t *testing.T) {
	for _, tc := range []struct{ name, synonym, value, want string }{
		{"retention.ms", "log.retention.hours", "168", "604800000"},
		{"retention.ms", "log.retention.minutes", "5", "300000"},
		{"retention.ms", "log.retention.hours", "-1", "-1"},
		{"retention.ms", "log.retention.ms", "7", "7"},
		{"retention.ms", "log.retention.hours", "many", "many"},
		{"x.hours", "y.hours", "3", "3"},
	} {
		if got := deref(inUnitOf(tc.name, tc.synonym, &tc.value)); got != tc.want {
			t.Errorf("%+v: %s", tc, got)
		}
	}
	if inUnitOf("retention.ms", "log.retention.hours", nil) != nil {
		t.Error("none became something")
	}
}

func TestSettingTellsWhereAValueComesFrom(t *testing.T) {
	c := kmsg.NewDescribeConfigsResponseResourceConfig()
	c.Name, c.Value, c.Source = "retention.ms", text("1000"), kmsg.ConfigSourceDynamicTopicConfig
	c.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{
		{Name: "retention.ms", Value: text("1000"), Source: kmsg.ConfigSourceDynamicTopicConfig},
		{Name: "log.retention.hours", Value: text("2"), Source: kmsg.ConfigSourceStaticBrokerConfig},
		{Name: "log.retention.hours", Value: text("168"), Source: kmsg.ConfigSourceDefaultConfig},
	}
	s := setting(c)
	if s.Source != "topic" || deref(s.Otherwise) != "7200000" || s.IsDefault() || s.Shown() != "1000 (1s)" {
		t.Errorf("%+v", s)
	}
	c.IsSensitive, c.Value = true, nil
	if got := setting(c).Shown(); got != "(hidden)" {
		t.Error(got)
	}
}
