package target

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// Ottla is a node of Ottla: `ottla serve` with its default settings.
type Ottla struct {
	program string
	dir     string
	addr    string
	process *process
}

// StartOttla starts the program on an empty directory below parent.
func StartOttla(ctx context.Context, program, parent string) (*Ottla, error) {
	dir, err := os.MkdirTemp(parent, "ottla-")
	if err != nil {
		return nil, err
	}
	o := &Ottla{program: program, dir: dir}
	if o.addr, err = freeAddr(); err == nil {
		err = o.Restart(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return o, nil
}

// Addr implements Target.
func (o *Ottla) Addr() string { return o.addr }

// DataDir implements Target.
func (o *Ottla) DataDir() string { return filepath.Join(o.dir, "data") }

// Pid implements Target.
func (o *Ottla) Pid() int { return o.process.pid() }

// Restart implements Target.
func (o *Ottla) Restart(context.Context) error {
	args := []string{"serve", "--data", o.DataDir(), "--listen", o.addr}
	for key, value := range brokerProperties {
		args = append(args, "--set", key+"="+value)
	}
	var err error
	o.process, err = start(filepath.Join(o.dir, "output.log"), o.program, args...)
	return err
}

// Shutdown implements Target.
func (o *Ottla) Shutdown() error {
	err := o.process.stop()
	o.process = nil
	return err
}

// Kill implements Target.
func (o *Ottla) Kill() {
	o.process.kill()
	o.process = nil
}

// Remove implements Target.
func (o *Ottla) Remove() error {
	return errors.Join(o.Shutdown(), os.RemoveAll(o.dir))
}
