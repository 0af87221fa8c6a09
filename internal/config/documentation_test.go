package config

import (
	"os"
	"strings"
	"testing"
)

func TestDocumentationIsCurrent(t *testing.T) {
	file, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	page := Documentation()
	if string(file) != page {
		t.Error("docs/configuration.md is not what the declarations give; run: go generate ./internal/config")
	}
	for _, tab := range []*table{brokerTable, topicTable, groupTable, clientMetricsTable} {
		for _, s := range tab.sorted {
			if !strings.Contains(page, "| `"+s.Name+"` |") {
				t.Errorf("%s is not documented", s.Name)
			}
		}
	}
}
