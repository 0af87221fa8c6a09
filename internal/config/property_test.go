package config

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// TestWhatIsAcceptedCanBeApplied plays random alterations of a broker's and of all brokers' settings: what a broker and
// the controller accept, the broker takes over without leaving anything out.
func TestWhatIsAcceptedCanBeApplied(t *testing.T) {
	var names []string
	for _, s := range brokerTable.sorted {
		if s.Scope != ReadOnly {
			names = append(names, s.Name)
		}
	}
	names = append(names, "num.partitions", "listener.name.plaintext.max.connections", "some.other.key")
	values := []string{"", "0", "1", "-1", "5", "10", "100000", "true", "delete", "compact", "lz4", "0.5", "x", "a,b", " 7 ",
		"PLAINTEXT://127.0.0.1:9092", "PLAINTEXT://127.0.0.1:9094,SSL://:1", "PLAINTEXT:PLAINTEXT", "h:5", "*"}
	start := load(t, LoadOptions{Fallback: Standalone("d")})
	rapid.Check(t, func(t *rapid.T) {
		s := start
		stored := map[string]map[string]string{}
		for range rapid.IntRange(1, 8).Draw(t, "alterations") {
			name := rapid.SampledFrom([]string{"", "1"}).Draw(t, "resource")
			o := Op{
				Name: rapid.SampledFrom(names).Draw(t, "name"),
				Op:   kmsg.IncrementalAlterConfigOp(rapid.IntRange(0, 4).Draw(t, "op")),
			}
			text := rapid.SampledFrom(values).Draw(t, "value")
			o.Value = &text
			ops := []Op{o}
			if s.PrepareIncrementalAlter(kmsg.ConfigResourceTypeBroker, name, stored[name], ops) != nil {
				continue
			}
			next, err := s.IncrementalAlter(kmsg.ConfigResourceTypeBroker, name, stored[name], ops)
			if err != nil {
				continue
			}
			stored[name] = next
			applied, warnings, err := s.WithDynamic(stored[""], stored["1"])
			if err != nil || len(warnings) > 0 {
				t.Fatalf("%s=%s of %q was accepted: %v %v", o.Name, text, name, warnings, err)
			}
			s = applied
			for _, resource := range []string{"", "1"} {
				if _, err := s.Describe(DescribeQuery{Resource: kmsg.ConfigResourceTypeBroker, Name: resource, Synonyms: true}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, _, err := Load(LoadOptions{Fallback: Standalone("d")}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTopicWithoutSettings(b *testing.B) {
	s, _, err := Load(LoadOptions{Fallback: Standalone("d")})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Topic(nil); err != nil {
			b.Fatal(err)
		}
	}
}
