package vfs

import (
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestPowerCutChangesTheBootID(t *testing.T) {
	m := NewMem()
	cut := m.CrashClone(rand.New(rand.NewPCG(1, 1)))
	again := cut.CrashClone(rand.New(rand.NewPCG(1, 1)))
	if a, b, c := BootID(m), BootID(cut), BootID(again); a == "" || a == b || b == c || a == c {
		t.Errorf("boot ids %q, %q, %q", a, b, c)
	}
	if a, b := BootID(m), BootID(m.CrashClone(rand.New(rand.NewPCG(1, 1))).SameBoot(m)); a != b {
		t.Errorf("boot id %q, then %q", a, b)
	}
	if _, ok := Uptime(m); ok {
		t.Error("a file system in memory says for how long its machine has been up")
	}
}

func TestMachineTellsItsBoot(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	if a, b := BootID(OS), BootID(OS); len(a) != 36 || a != b {
		t.Errorf("boot ids %q and %q", a, b)
	}
	up, ok := Uptime(OS)
	if !ok || up <= 0 {
		t.Errorf("the machine has been up for %v, %t", up, ok)
	}
	if info, err := os.Stat("/proc/self"); err != nil || info.ModTime().Before(time.Now().Add(-up)) {
		t.Errorf("this process began before the machine did: %v", err)
	}
}
