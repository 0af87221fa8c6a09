package apiversions

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestDescribeEveryKindOfAPI(t *testing.T) {
	key := func(k, low, high int16) kmsg.ApiVersionsResponseApiKey {
		return kmsg.ApiVersionsResponseApiKey{ApiKey: k, MinVersion: low, MaxVersion: high}
	}
	lines := describe([]kmsg.ApiVersionsResponseApiKey{key(3, 0, 13), key(0, 0, 13), key(1, 4, 99), key(46, 0, 0), key(2, 50, 60), key(8, 0, 1), key(4242, 1, 2), key(52, 0, 1)})
	for _, want := range []string{
		"Produce(0): 0 to 13 [usable: 13]",
		"Fetch(1): 4 to 99 [usable: 18]",
		"ListOffsets(2): 50 to 60 [unusable: node too new]",
		"OffsetCommit(8): 0 to 1 [unusable: node too old]",
		"ListPartitionReassignments(46): 0 [usable: 0]",
		"UNKNOWN(4242): 1 to 2",
		"JoinGroup(11): UNSUPPORTED",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is missing in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	if len(lines) != len(clientAPIs)+2 { // one unknown, one of controllers
		t.Errorf("%d lines", len(lines))
	}
	if !strings.HasPrefix(lines[0], "Produce(0)") || !strings.HasPrefix(lines[len(lines)-1], "UNKNOWN(4242)") {
		t.Error("the lines are not sorted by key")
	}
}
