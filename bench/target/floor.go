package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Floor is one of the floor programs. It has nothing to keep.
type Floor struct {
	program string
	args    []string
	dir     string
	addr    string
	process *process
}

// StartFloor starts a floor program and returns when it listens.
func StartFloor(ctx context.Context, parent, program string, args ...string) (*Floor, error) {
	dir, err := os.MkdirTemp(parent, "floor-")
	if err != nil {
		return nil, err
	}
	f := &Floor{program: program, args: args, dir: dir}
	if f.addr, err = freeAddr(); err == nil {
		err = f.Restart(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, f.Remove())
	}
	return f, nil
}

// Addr implements Target.
func (f *Floor) Addr() string { return f.addr }

// DataDir implements Target.
func (f *Floor) DataDir() string { return "" }

// Pid implements Target.
func (f *Floor) Pid() int { return f.process.pid() }

// Restart implements Target.
func (f *Floor) Restart(ctx context.Context) error {
	var err error
	if f.process, err = start(filepath.Join(f.dir, "output.log"), f.program, append([]string{"-listen", f.addr}, f.args...)...); err != nil {
		return err
	}
	for {
		conn, err := net.DialTimeout("tcp", f.addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		if gone := f.process.ended(); gone != nil {
			return gone
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen: %w", f.program, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Shutdown implements Target.
func (f *Floor) Shutdown() error {
	err := f.process.stop()
	f.process = nil
	return err
}

// Kill implements Target.
func (f *Floor) Kill() {
	f.process.kill()
	f.process = nil
}

// Remove implements Target.
func (f *Floor) Remove() error {
	return errors.Join(f.Shutdown(), os.RemoveAll(f.dir))
}
