package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine describes what the figures were taken on.
func machine() string {
	model, kernel, memory, busy := "unknown processor", "", "", ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = ", Linux " + strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kib int64
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kib); err == nil {
			memory = fmt.Sprintf(", %.1f GB", float64(kib)*1024/1e9)
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			busy = ", load average " + fields[0]
		}
	}
	return fmt.Sprintf("%d × %s%s%s, %s%s", runtime.NumCPU(), model, memory, kernel, runtime.Version(), busy)
}
