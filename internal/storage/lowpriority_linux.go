package storage

import (
	"runtime"
	"syscall"
)

// backgroundNiceness is the niceness of threads that do what nobody waits for. Not the largest: such a thread may hold a lock for a moment that a
// request wants, and must get to let it go.
const backgroundNiceness = 10

// atLowPriority runs f in a thread that leaves the processors to the others where these want them. A thread that has a lower priority still keeps it.
func atLowPriority(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: priority cannot be raised again, so the thread ends with the goroutine
		thread := syscall.Gettid()
		if priority, err := syscall.Getpriority(syscall.PRIO_PROCESS, thread); err == nil && priority > 20-backgroundNiceness { // the call answers 20 less the niceness
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, thread, backgroundNiceness)
		}
		f()
	}()
	<-done
}
