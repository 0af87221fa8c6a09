package txn

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// TestPatternsAreBounded: what is matched with every id while the coordinator waits must not take minutes for one of them.
func TestPatternsAreBounded(t *testing.T) {
	for _, test := range []struct {
		pattern string
		want    protocol.Code
	}{
		{"orders-.*", protocol.None},
		{"(orders|payments)-[0-9]{1,20}", protocol.None},
		{strings.Repeat("a", 3_900), protocol.None},
		{strings.Repeat("[a-z]{3}", 500), protocol.None},
		{strings.Repeat("a", maxPatternBytes+1), protocol.InvalidRegularExpression},
		{strings.Repeat("(.{0,1000})", 900), protocol.InvalidRegularExpression},
		{strings.Repeat(".{1000}", 5), protocol.InvalidRegularExpression},
		{strings.Repeat("((.?){100}){10}", 600), protocol.InvalidRegularExpression},
		{strings.Repeat(".*", 4_900), protocol.InvalidRegularExpression},
		{"a)(b", protocol.InvalidRegularExpression},
	} {
		req := kmsg.NewPtrListTransactionsRequest()
		req.Version, req.TransactionalIDPattern = 2, &test.pattern
		if _, err := NewListFilter(req); protocol.CodeOf(err) != test.want {
			t.Errorf("%.30s: %.200v, want %s", test.pattern, err, test.want.Name())
		}
	}
}
