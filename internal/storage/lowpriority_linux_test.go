package storage

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// TestLowPriorityStaysWhereItBelongs: what runs at low priority has it, and no thread that serves requests afterwards does.
func TestLowPriorityStaysWhereItBelongs(t *testing.T) {
	before := niceness(t)
	var within sync.WaitGroup
	for range 4 {
		within.Go(func() {
			atLowPriority(func() {
				if got := niceness(t); got != max(before, backgroundNiceness) {
					t.Errorf("niceness %d, want %d", got, backgroundNiceness)
				}
			})
		})
	}
	within.Wait()
	var after sync.WaitGroup
	held := make(chan struct{})
	for i := range 16 { // each holds a thread, so that all that are left are looked at
		after.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if got := niceness(t); got != before {
				t.Errorf("niceness %d afterwards, want %d", got, before)
			}
			if i == 15 {
				close(held)
			}
			<-held
		})
	}
	after.Wait()
}

// niceness returns that of the calling thread. The system call answers 20 less it.
func niceness(t *testing.T) int {
	t.Helper()
	priority, err := syscall.Getpriority(syscall.PRIO_PROCESS, syscall.Gettid())
	if err != nil {
		t.Fatal(err)
	}
	return 20 - priority
}
