package main

import (
	"strconv"
	"strings"
)

// allowance is a difference that two right answers may have, and why.
type allowance struct {
	question string // the beginning of the question's name
	path     string // a part of the path
	why      string
	ok       func(d difference) bool // nil: any values
}

var allowances = []allowance{
	{"metadata", ".LeaderEpoch", "a broker that comes back leads in a new epoch, as a restart of Apache Kafka does", rises},
	{"offsets", ".LeaderEpoch", "the end of a log is told with the present leader epoch", rises},
	{"metadata", "ControllerID", "with KRaft a client is told some broker, at random", nil},
	{"offsets", "time 1 Topics[" + topicCompact, "the first record of a compacted topic; either node's cleaner may have gone on", nil},
	{"groups", "Groups[" + groupNew + "].State", "Ottla serves classic groups: one of KIP-848 shows as an empty one with its offsets; Kafka tells of it by another request", nil},
	{"fetch", " record ", "records of compacted topics; either node's cleaner may have gone on", gone},
}

func allowed(question string, d difference) bool {
	for _, a := range allowances {
		if strings.HasPrefix(question, a.question) && strings.Contains(d.path, a.path) && (a.ok == nil || a.ok(d)) {
			return true
		}
	}
	return false
}

// rises holds where both are numbers and the second is larger.
func rises(d difference) bool {
	want, err := strconv.Atoi(d.want)
	got, err2 := strconv.Atoi(d.got)
	return err == nil && err2 == nil && got > want
}

func gone(d difference) bool { return d.got == absent }
