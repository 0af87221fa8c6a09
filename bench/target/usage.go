package target

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of the times in /proc: USER_HZ, 100 on every Linux that Go runs on.
const clockTick = time.Second / 100

// CPU is processor time of a process, ended threads included.
type CPU struct {
	Total        time.Duration
	User, System time.Duration // in ticks; together less than Total
}

// Sub is what was used between two readings, with Total divided as the ticks are.
func (c CPU) Sub(earlier CPU) CPU {
	d := CPU{Total: c.Total - earlier.Total, User: c.User - earlier.User, System: c.System - earlier.System}
	if ticks := d.User + d.System; ticks > 0 {
		d.User = time.Duration(float64(d.Total) * float64(d.User) / float64(ticks))
		d.System = d.Total - d.User
	}
	return d
}

// CPUOf reads the processor time of a process: how much from its CPU clock, which counts in nanoseconds, and how that divides into user and
// system time from /proc, which counts in ticks and loses what is shorter.
func CPUOf(pid int) (CPU, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return CPU{}, err
	}
	ticks, err := parseStat(string(text))
	if err != nil {
		return CPU{}, err
	}
	var clock unix.Timespec
	if err := unix.ClockGettime(cpuClock(pid), &clock); err != nil {
		return CPU{}, fmt.Errorf("the CPU clock of process %d: %w", pid, err)
	}
	ticks.Total = time.Duration(clock.Nano())
	return ticks, nil
}

// cpuClock is the clock of a process's processor time, as clock_getcpuclockid(3) makes it.
func cpuClock(pid int) int32 {
	const scheduler = 2
	return int32(^pid)<<3 | scheduler
}

// parseStat reads utime and stime, the 14th and 15th field. The second is the program's name, which may hold anything but ends with
// the last parenthesis.
func parseStat(text string) (CPU, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return CPU{}, fmt.Errorf("not a process's stat: %q", text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return CPU{}, fmt.Errorf("not a process's stat: %q", text)
	}
	return CPU{User: time.Duration(user) * clockTick, System: time.Duration(system) * clockTick}, nil
}

// ResidentBytes reads how much memory a process has in RAM.
func ResidentBytes(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}
