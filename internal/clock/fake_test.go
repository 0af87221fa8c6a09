package clock

import (
	"slices"
	"testing"
	"time"
)

func TestFakeRunsDueFunctionsInOrder(t *testing.T) {
	start := time.Unix(100, 0)
	c := NewFake(start)
	var got []string
	note := func(name string) func() {
		return func() { got = append(got, name+" "+c.Now().Sub(start).String()) }
	}
	c.AfterFunc(3*time.Second, note("c"))
	c.AfterFunc(time.Second, note("a"))
	stopped := c.AfterFunc(2*time.Second, note("never"))
	moved := c.AfterFunc(time.Second, note("b"))
	if !stopped.Stop() || stopped.Stop() {
		t.Fatal("Stop must report true once, then false")
	}
	if !moved.Reset(2 * time.Second) {
		t.Fatal("Reset of a pending timer must report true")
	}
	c.Advance(2500 * time.Millisecond)
	c.Advance(time.Second)
	want := []string{"a 1s", "b 2s", "c 3s"}
	if !slices.Equal(got, want) {
		t.Fatalf("ran %q, want %q", got, want)
	}
	if c.Pending() != 0 {
		t.Fatalf("%d timers are left", c.Pending())
	}
}

func TestFakeTimerMayScheduleAnother(t *testing.T) {
	c := NewFake(time.Unix(0, 0))
	runs := 0
	var tick func()
	tick = func() {
		runs++
		c.AfterFunc(time.Second, tick)
	}
	c.AfterFunc(time.Second, tick)
	c.Advance(5 * time.Second)
	if runs != 5 {
		t.Fatalf("ticked %d times in 5 s, want 5", runs)
	}
}
