package target

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Apart runs f while a process has the first half of the processors to itself and this one, which puts the load on it, the rest. Left to the
// scheduler, the two share processors for a while and then do not, as it comes, and the same load costs two to four times as much when each answer
// puts the other to sleep. A real client is on another machine. On a single processor f just runs.
func Apart(pid int, f func() error) error {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	theirs, ours, ok := halves(&all)
	if !ok {
		return f()
	}
	if err := errors.Join(moveTo(pid, &theirs), moveTo(os.Getpid(), &ours)); err != nil {
		return err
	}
	err := f()
	return errors.Join(err, moveTo(pid, &all), moveTo(os.Getpid(), &all))
}

// halves divides processors; false where there is only one.
func halves(all *unix.CPUSet) (first, second unix.CPUSet, ok bool) {
	n := all.Count()
	for cpu, taken := 0, 0; taken < n; cpu++ {
		if !all.IsSet(cpu) {
			continue
		}
		if taken < n/2 {
			first.Set(cpu)
		} else {
			second.Set(cpu)
		}
		taken++
	}
	return first, second, n > 1
}

// moveTo binds all threads of a process. New threads take after the one that starts them, so it looks again until it finds none.
func moveTo(pid int, set *unix.CPUSet) error {
	moved := map[int]bool{}
	for {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return err
		}
		before := len(moved)
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil || moved[tid] {
				continue
			}
			moved[tid] = true
			if err := unix.SchedSetaffinity(tid, set); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("binding thread %d of process %d: %w", tid, pid, err)
			}
		}
		if len(moved) == before {
			return nil
		}
	}
}
