package target

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

func TestApartBindsBothAndLetsGo(t *testing.T) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	if all.Count() < 2 {
		t.Skip("one processor cannot be divided")
	}
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	}()
	of := func(pid int) (set unix.CPUSet) {
		t.Helper()
		if err := unix.SchedGetaffinity(pid, &set); err != nil {
			t.Fatal(err)
		}
		return set
	}
	wrong := errors.New("wrong")
	err := Apart(other.Process.Pid, func() error {
		theirs, ours := of(other.Process.Pid), of(os.Getpid())
		if theirs.Count()+ours.Count() != all.Count() {
			t.Errorf("%d and %d processors of %d", theirs.Count(), ours.Count(), all.Count())
		}
		for cpu := range 1024 {
			if theirs.IsSet(cpu) && ours.IsSet(cpu) {
				t.Errorf("both have processor %d", cpu)
			}
		}
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Fatalf("error %v", err)
	}
	if of(other.Process.Pid) != all || of(os.Getpid()) != all {
		t.Fatal("the processes are still bound")
	}
}
