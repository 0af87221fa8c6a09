package target

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopPatience is how long an orderly end may take before it becomes a kill.
const stopPatience = 30 * time.Second

// process is one running program, whose output goes to a file.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
	log    string
}

func start(log, program string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the process keeps its own
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	// Go's runtime counts the processors again when it is bound to fewer (Apart), some time later: a sample would have both.
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", runtime.NumCPU()))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt typed at us must not end it before we do
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{}), log: log}
	go func() {
		_ = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int {
	if p == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// ended tells whether the process is gone, with what it printed.
func (p *process) ended() error {
	select {
	case <-p.exited:
		text, _ := os.ReadFile(p.log)
		return fmt.Errorf("%s ended (%s): %s", p.cmd.Path, p.cmd.ProcessState, text[max(0, len(text)-2000):])
	default:
		return nil
	}
}

func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) stop() error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopPatience):
		p.kill()
		return fmt.Errorf("%s did not stop within %s and was killed", p.cmd.Path, stopPatience)
	}
}

// freeAddr finds a loopback address that nobody listens on.
func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
