// Package launch builds Ottla, starts nodes as processes of their own, and ends them.
package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// quitPatience is how long a process that does not stop may take to print why.
const quitPatience = 5 * time.Second

// Process is a node's process; the zero value is one that does not run. Its methods are for one goroutine at a time.
type Process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process that cmd names has been waited for
}

// Start starts the command. What it prints goes to the end of the log file.
func (p *Process) Start(cmd *exec.Cmd, logFile string) error {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer out.Close() // the process keeps its own
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt typed at this program must not reach it before Stop does
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	p.cmd, p.exited = cmd, exited
	return nil
}

// Serve starts the command and returns when the node that it is serves at addr; else nothing is left running.
func (p *Process) Serve(ctx context.Context, cmd *exec.Cmd, logFile, addr string) error {
	if err := p.Start(cmd, logFile); err != nil {
		return err
	}
	if err := p.waitReady(ctx, addr); err != nil {
		p.Kill()
		return fmt.Errorf("%s did not start: %w (%s)", cmd.Path, err, logFile)
	}
	return nil
}

// Pid is the process's id, 0 where there is none.
func (p *Process) Pid() int {
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Ended tells how the process ended though nobody asked it to; nil where it runs, or was asked to.
func (p *Process) Ended() *os.ProcessState {
	if p.cmd == nil {
		return nil
	}
	select {
	case <-p.exited:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// Wait returns when the process has ended.
func (p *Process) Wait() { <-p.exited }

// Kill ends the process as kill -9 does.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	<-p.exited
	p.cmd = nil
}

// Stop ends the process in an orderly way and returns its exit code, 0 where none ran. One that takes longer is made to print where its
// threads stand, and killed.
func (p *Process) Stop(patience time.Duration) (int, error) {
	if p.cmd == nil {
		return 0, nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	select {
	case <-p.exited:
		code := p.cmd.ProcessState.ExitCode()
		p.cmd = nil
		return code, nil
	case <-time.After(patience):
	}
	p.cmd.Process.Signal(syscall.SIGQUIT) // Go and Java print where each goroutine, each thread stands
	select {
	case <-p.exited:
	case <-time.After(quitPatience):
	}
	p.Kill()
	return 0, fmt.Errorf("it did not stop within %s of SIGTERM and was killed", patience)
}
