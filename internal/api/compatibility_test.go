package api

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/protocol"
)

// versions writes a range as the tables do.
func versions(low, high int16) string {
	if low == high {
		return fmt.Sprint(low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

// TestCompatibilityTable compares docs/compatibility.md with what the node serves and with what a running Apache Kafka 4.3.1 told.
func TestCompatibilityTable(t *testing.T) {
	type line struct{ kafka, ottla, state string }
	documented := map[string]line{}
	doc, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.SplitSeq(string(doc), "\n") {
		cells := strings.Split(row, "|")
		if len(cells) != 7 || strings.Contains(row, "---") || strings.TrimSpace(cells[1]) == "Key" {
			continue
		}
		documented[strings.TrimSpace(cells[2])] = line{strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4]), strings.TrimSpace(cells[5])}
	}
	served := map[string]protocol.API{}
	for _, a := range protocol.Served {
		served[a.Name] = a
	}
	reference, err := os.ReadFile("testdata/kafka-4.3.1-apis.tsv")
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for row := range strings.SplitSeq(strings.TrimSpace(string(reference)), "\n") {
		if strings.HasPrefix(row, "#") {
			continue
		}
		known++
		cells := strings.Split(row, "\t")
		name, want := cells[0], cells[2]
		got, ok := documented[name]
		if !ok {
			t.Errorf("%s is missing in docs/compatibility.md", name)
			continue
		}
		if got.kafka != want {
			t.Errorf("%s: the table says that Kafka serves %q, the reference says %q", name, got.kafka, want)
		}
		api, isServed := served[name]
		if !isServed {
			if got.ottla != "-" || !strings.HasPrefix(got.state, "later: ") {
				t.Errorf("%s is not served, and the table says %q, %q", name, got.ottla, got.state)
			}
			continue
		}
		if mine := versions(api.Min, api.Max); got.ottla != mine || mine != want || !strings.HasPrefix(got.state, "served") {
			t.Errorf("%s: served %q, in the table %q (%s), in the reference %q", name, mine, got.ottla, got.state, want)
		}
	}
	if len(documented) != known {
		t.Errorf("the table has %d APIs, the reference %d", len(documented), known)
	}
}
