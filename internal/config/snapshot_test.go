package config

import (
	"math"
	"testing"
	"time"
)

func TestGetters(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("/a"), Set: []string{
		"log.dirs=/a, /b", "cordoned.log.dirs=*", "ssl.key.password= secret ", "log.cleaner.min.cleanable.ratio=0.25",
		"connections.max.idle.ms=1500", "quota.window.size.seconds=2", "offsets.retention.minutes=3",
	}})
	if s.Double("log.cleaner.min.cleanable.ratio") != 0.25 || s.Password("ssl.key.password") != "secret" ||
		!s.Bool("auto.create.topics.enable") || s.String("compression.type") != "producer" || s.Int("offsets.topic.replication.factor") != 1 {
		t.Error("a getter is wrong")
	}
	if s.Millis("connections.max.idle.ms") != 1500*time.Millisecond || s.Seconds("quota.window.size.seconds") != 2*time.Second ||
		s.Minutes("offsets.retention.minutes") != 3*time.Minute || s.Millis("log.flush.scheduler.interval.ms") != math.MaxInt64 {
		t.Error("a duration is wrong")
	}
	if d := s.CordonedLogDirs(); len(d) != 2 || d[1] != "/b" {
		t.Errorf("cordoned %q", d)
	}
	if !s.IsNull("log.retention.ms") || s.IsNull("log.retention.hours") || s.IsSet("num.partitions") || !s.IsSet("log.dirs") {
		t.Error("IsNull or IsSet is wrong")
	}
	static := s.Static()
	static["num.partitions"] = "9"
	if s.IsSet("num.partitions") || s.Static()["num.partitions"] != "" {
		t.Error("Static gives the snapshot's own map away")
	}
}

func TestGettersPanicForMistakes(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("/a")})
	for name, call := range map[string]func(){
		"unknown": func() { s.Int("no.such.setting") },
		"type":    func() { s.Bool("num.partitions") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

func TestJavaDouble(t *testing.T) {
	for f, want := range map[float64]string{
		0.5: "0.5", 1: "1.0", 100: "100.0", 1e7: "1.0E7", 9999999: "9999999.0", 0.001: "0.001", 0.0001: "1.0E-4", 1.25e-5: "1.25E-5",
		math.MaxFloat64: "1.7976931348623157E308", -2.5: "-2.5", 0: "0.0", math.Inf(1): "Infinity",
	} {
		if got := javaDouble(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func TestEnvironmentNames(t *testing.T) {
	for variable, want := range map[string]string{
		"KAFKA_LOG_DIRS": "log.dirs", "KAFKA_A__B": "a_b", "KAFKA_A___B": "a-b", "KAFKA_OTTLA_FLUSH_BEFORE_ACK": "ottla.flush.before.ack",
		"KAFKA_HEAP_OPTS": "", "KAFKA_": "", "PATH": "",
	} {
		got, ok := environmentName(variable)
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", variable, got, ok, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"num.partition": "num.partitions", "log.dri": "log.dir", "retention.ms": "log.retention.ms", "segment.index.bytes": "log.index.size.max.bytes",
		"ottla.flush.befor.ack": "ottla.flush.before.ack", "completely.different.thing": "",
	} {
		if got := nearest(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if editDistance("ab", "ba", 9) != 1 || editDistance("", "abc", 9) != 3 || editDistance("kitten", "sitting", 9) != 3 {
		t.Error("a distance is wrong")
	}
}

func TestForListener(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("/a"), Set: []string{"max.connections=7", "listener.name.plaintext.max.connections=3"}})
	if s.ForListener("PLAINTEXT", "max.connections").Long() != 3 || s.ForListener("OTHER", "max.connections").Long() != 7 {
		t.Error("a listener's own limit does not count")
	}
	_, _, err := Load(LoadOptions{Fallback: Standalone("/a"), Set: []string{"listener.name.plaintext.max.connections=x"}})
	if err == nil || err.Error() != "listener.name.plaintext.max.connections=x (--set): Not a number of type INT; allowed: int [0,...]" {
		t.Errorf("a wrong value: %v", err)
	}
}
