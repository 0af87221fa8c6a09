package streams

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopPatience is how long the application may take for an orderly end.
const stopPatience = 60 * time.Second

// Command starts the application.
type Command struct {
	Args []string
	Dir  string
	Env  []string
}

// app is one process of the application at a time.
type app struct {
	command  Command
	stateDir string
	env      []string
	log      io.Writer

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{} // closed when the process has ended and all of its output has been read
	stores chan []string // what a "stores" command printed, its last line included

	mu       sync.Mutex
	state    string
	replaced int
}

func (a *app) start() error {
	cmd := exec.Command(a.command.Args[0], a.command.Args[1:]...)
	cmd.Dir, cmd.Stderr = a.command.Dir, a.log
	cmd.Env = append(append(append(os.Environ(), a.command.Env...), a.env...), "STATE_DIR="+a.stateDir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	a.cmd, a.stdin, a.exited, a.stores = cmd, stdin, make(chan struct{}), make(chan []string, 1)
	a.setState("STARTED")
	go a.follow(cmd, stdout, a.exited, a.stores)
	return nil
}

// follow reads what one process prints until it ends.
func (a *app) follow(cmd *exec.Cmd, stdout io.Reader, exited chan struct{}, stores chan []string) {
	defer close(exited)
	var lines []string
	for in := bufio.NewScanner(stdout); in.Scan(); {
		kind, rest, _ := strings.Cut(in.Text(), " ")
		switch kind {
		case "STATE":
			a.setState(rest)
		case "REPLACED":
			a.mu.Lock()
			a.replaced++
			a.mu.Unlock()
		case "STORE":
			lines = append(lines, rest)
			continue // too many for the log
		case "STORES":
			stores <- append(lines, rest)
			lines = nil
		}
		fmt.Fprintln(a.log, in.Text())
	}
	cmd.Wait()
}

func (a *app) setState(state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = state
}

func (a *app) currentState() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

func (a *app) threadsReplaced() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.replaced
}

// died tells how the process ended though nobody asked it to; "" while it runs.
func (a *app) died() string {
	if a.cmd == nil {
		return ""
	}
	select {
	case <-a.exited:
		return fmt.Sprintf("the application ended by itself: %v", a.cmd.ProcessState)
	default:
		return ""
	}
}

// kill ends the process as kill -9 does.
func (a *app) kill() {
	if a.cmd == nil {
		return
	}
	a.cmd.Process.Kill()
	<-a.exited
	a.cmd = nil
}

// stop ends the process in an orderly way.
func (a *app) stop() error {
	if a.cmd == nil {
		return nil
	}
	defer a.kill()
	if _, err := io.WriteString(a.stdin, "stop\n"); err != nil {
		return fmt.Errorf("tell the application to stop: %w", err)
	}
	select {
	case <-a.exited:
		if !a.cmd.ProcessState.Success() {
			return fmt.Errorf("the application stopped with %v", a.cmd.ProcessState)
		}
		return nil
	case <-time.After(stopPatience):
		return fmt.Errorf("the application did not stop within %s", stopPatience)
	}
}

// readStores asks for what is in the stores, until no partition is on its way.
func (a *app) readStores(ctx context.Context) (map[string]map[string]int64, error) {
	for {
		if _, err := io.WriteString(a.stdin, "stores\n"); err != nil {
			return nil, err
		}
		select {
		case lines := <-a.stores:
			last := lines[len(lines)-1]
			if last == "END" {
				return parseStores(lines[:len(lines)-1])
			}
		case <-a.exited:
			return nil, fmt.Errorf("%s", a.died())
		case <-ctx.Done():
			return nil, fmt.Errorf("the stores cannot be read while the application is %s: %w", a.currentState(), ctx.Err())
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func parseStores(lines []string) (map[string]map[string]int64, error) {
	stores := map[string]map[string]int64{"counts": {}, "sums": {}}
	for _, text := range lines {
		words := strings.Fields(text)
		if len(words) != 3 || stores[words[0]] == nil {
			return nil, fmt.Errorf("not a line of a store: %s", text)
		}
		value, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			return nil, err
		}
		if _, again := stores[words[0]][words[1]]; again {
			return nil, fmt.Errorf("%s is in two partitions of the store %s", words[1], words[0])
		}
		stores[words[0]][words[1]] = value
	}
	return stores, nil
}
