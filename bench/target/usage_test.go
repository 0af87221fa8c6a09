package target

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	got, err := parseStat("12 (a ) b) S 1 12 12 0 -1 4194560 1 0 0 0 250 30 0 0 20 0 1 0")
	if err != nil || got.User != 2500*time.Millisecond || got.System != 300*time.Millisecond {
		t.Fatalf("%+v, error %v", got, err)
	}
	if _, err := parseStat("12 (a) S"); err == nil {
		t.Fatal("no error for a line that ends early")
	}
}

func TestSubDividesTheTotalAsTheTicksAre(t *testing.T) {
	earlier := CPU{Total: 1000 * time.Millisecond, User: 500 * time.Millisecond, System: 100 * time.Millisecond}
	later := CPU{Total: 1800 * time.Millisecond, User: 530 * time.Millisecond, System: 110 * time.Millisecond}
	want := CPU{Total: 800 * time.Millisecond, User: 600 * time.Millisecond, System: 200 * time.Millisecond}
	if got := later.Sub(earlier); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := earlier.Sub(earlier); got != (CPU{}) {
		t.Errorf("nothing used: %+v", got)
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	before, err := CPUOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(5 * time.Second); ; {
		now, err := CPUOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now.Sub(before).Total >= 3*clockTick {
			break
		}
		if time.Now().After(until) {
			t.Fatal("five seconds of work, and no processor time")
		}
	}
	if rss, err := ResidentBytes(os.Getpid()); err != nil || rss < 1<<20 {
		t.Fatalf("resident %d, error %v", rss, err)
	}
}
