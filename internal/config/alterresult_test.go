package config

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func op(name string, kind kmsg.IncrementalAlterConfigOp, text string) Op {
	return Op{Name: name, Op: kind, Value: &text}
}

func TestIncrementalResults(t *testing.T) {
	const (
		set      = kmsg.IncrementalAlterConfigOpSet
		remove   = kmsg.IncrementalAlterConfigOpDelete
		appendTo = kmsg.IncrementalAlterConfigOpAppend
		subtract = kmsg.IncrementalAlterConfigOpSubtract
	)
	const replicas = "leader.replication.throttled.replicas"
	s := load(t, LoadOptions{Fallback: Standalone("d")})
	for _, test := range []struct {
		current string
		op      Op
		want    string
	}{
		{"retention.ms=1", op("retention.ms", set, "2"), "retention.ms=2"},
		{"retention.ms=1", op("retention.ms", remove, ""), ""},
		{"", op(replicas, appendTo, "0:1"), replicas + "=0:1"},
		{replicas + "=0:1", op(replicas, appendTo, "1:1,0:1,2:1"), replicas + "=0:1,1:1,2:1"},
		{replicas + "=0:1,1:1", op(replicas, subtract, "0:1,7:7"), replicas + "=1:1"},
		{replicas + "=0:1", op(replicas, subtract, "0:1"), replicas + "="},
		{replicas + "=", op(replicas, appendTo, "0:1"), replicas + "=0:1"},
		{"", op("cleanup.policy", appendTo, "compact"), "cleanup.policy=delete,compact"},
		{"", op("cleanup.policy", subtract, "delete"), "cleanup.policy="},
	} {
		current := pairs(test.current)
		before := maps.Clone(current)
		next, err := s.IncrementalAlter(kmsg.ConfigResourceTypeTopic, "t", current, []Op{test.op})
		if err != nil || !maps.Equal(next, pairs(test.want)) {
			t.Errorf("%s, %s %s: %v, %v; want %s", test.current, test.op.Op, *test.op.Value, next, err, test.want)
		}
		if !maps.Equal(current, before) {
			t.Errorf("the present settings were changed to %v", current)
		}
	}
}

func pairs(text string) map[string]string {
	m := map[string]string{}
	if key, value, ok := strings.Cut(text, "="); ok {
		m[key] = value
	}
	return m
}

func TestThreadsMayDoubleOrHalve(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d")}) // num.io.threads is 8
	for threads, allowed := range map[int]bool{3: false, 4: true, 16: true, 17: false} {
		ops := []Op{op("num.io.threads", kmsg.IncrementalAlterConfigOpSet, fmt.Sprint(threads))}
		if err := s.PrepareIncrementalAlter(kmsg.ConfigResourceTypeBroker, "1", nil, ops); (err == nil) != allowed {
			t.Errorf("%d: %v", threads, err)
		}
	}
}

func TestLongValuesAreRefused(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d")})
	long := strings.Repeat("x", maxValueBytes+1)
	_, err := s.IncrementalAlter(kmsg.ConfigResourceTypeBroker, "", nil, []Op{op("metric.reporters", kmsg.IncrementalAlterConfigOpSet, long)})
	if err == nil || !strings.Contains(err.Error(), "exceeds the maximum value size of 32767 bytes") {
		t.Errorf("a new one: %v", err)
	}
	// What is there already may stay.
	if _, err := s.IncrementalAlter(kmsg.ConfigResourceTypeBroker, "", map[string]string{"metric.reporters": long}, nil); err != nil {
		t.Errorf("an old one: %v", err)
	}
}
