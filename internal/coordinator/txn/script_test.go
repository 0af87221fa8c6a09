package txn

import (
	"testing"

	"ottla.dev/ottla/internal/coordinator/scripttest"
)

// TestScripts plays the scripts in testdata. The commands are described at world.run.
func TestScripts(t *testing.T) {
	scripttest.Play(t, func() scripttest.World {
		w := newWorld()
		return scripttest.World{Out: &w.Out, Run: w.run, Check: w.check, End: w.CheckAllAnswered}
	})
}
