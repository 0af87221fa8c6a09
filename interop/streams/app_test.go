package streams

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// scripted starts a shell script in the application's place.
func scripted(t *testing.T, script string) *app {
	t.Helper()
	a := &app{command: Command{Args: []string{"sh", "-c", script}}, stateDir: t.TempDir(), env: []string{"APPLICATION=test"}, log: io.Discard}
	if err := a.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.kill)
	return a
}

func TestApplicationIsFollowedAndAsked(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := scripted(t, `
		test -d "$STATE_DIR" && test "$APPLICATION" = test || exit 9
		echo STATE RUNNING; echo REPLACED why
		read command; echo STORE counts a 1; echo "STORES AGAIN moving"
		read command; echo STORE counts a 2; echo STORE sums t 30; echo STORES END
		read command; test "$command" = stop`)
	stores, err := a.readStores(ctx)
	if err != nil || len(stores["counts"]) != 1 || stores["counts"]["a"] != 2 || stores["sums"]["t"] != 30 {
		t.Errorf("stores %v, %v", stores, err)
	}
	if a.currentState() != "RUNNING" || a.threadsReplaced() != 1 || a.died() != "" {
		t.Errorf("state %s, %d threads replaced, died: %s", a.currentState(), a.threadsReplaced(), a.died())
	}
	if err := a.stop(); err != nil {
		t.Error(err)
	}
}

func TestDeathOfTheApplicationIsTold(t *testing.T) {
	a := scripted(t, "exit 4")
	<-a.exited
	if why := a.died(); !strings.Contains(why, "exit status 4") {
		t.Errorf("died: %s", why)
	}
	if _, err := a.readStores(t.Context()); err == nil {
		t.Error("the stores of a dead application were read")
	}
	if err := scripted(t, "read command; exit 5").stop(); err == nil || !strings.Contains(err.Error(), "exit status 5") {
		t.Errorf("stopped with %v", err)
	}
}
