package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// isTransient tells whether an error of the disk goes away by itself or by somebody's doing: no space, no free file
// handle. All others mean that the directory cannot be trusted any more.
func isTransient(err error) bool {
	return isNoSpace(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// ignoreTransient is for work that may as well be left undone.
func ignoreTransient(err error) error {
	if err != nil && isTransient(err) {
		return nil
	}
	return err
}

// isDamage tells whether an error speaks of what a file holds, not of the disk.
func isDamage(err error) bool {
	var invalid *record.Error
	return errors.As(err, &invalid) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errIndexDamaged) || errors.Is(err, ErrCorrupt)
}

// errUnsynced is a failed sync. Unlike after a failed write, nobody knows afterwards what is on the disk: the system may have
// dropped the pages that it could not write, and the next sync would say that all is well. So whatever the reason, the
// directory is given up.
type errUnsynced struct{ error }

func (e errUnsynced) Unwrap() error { return e.error }

func unsyncedError(err error) error {
	if err == nil {
		return nil
	}
	return errUnsynced{err}
}

// isRefusal tells whether an error speaks of what was asked for.
func isRefusal(err error) bool {
	var refused *protocol.Error
	var invalid *record.Error
	return errors.As(err, &refused) || errors.As(err, &invalid)
}

// fail turns an error of the disk into one of this package, and takes the directory offline where it is not one that
// passes. What is no error of the disk comes back as it is.
func (d *logDir) fail(operation string, err error) error {
	if err == nil {
		return nil
	}
	var lost errUnsynced
	switch {
	case errors.As(err, &lost): // to the end
	case errors.Is(err, ErrClosed), errors.Is(err, ErrDirOffline), errors.Is(err, ErrNoSpace), errors.Is(err, ErrIO):
		return err
	case isNoSpace(err):
		return fmt.Errorf("%w: %s: %w", ErrNoSpace, operation, err)
	case isTransient(err):
		return fmt.Errorf("%w: %s: %w", ErrIO, operation, err)
	case isDamage(err):
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, operation, err)
	case errors.Is(err, fs.ErrClosed):
		return fmt.Errorf("%w: %s", ErrClosed, operation)
	}
	d.takeOffline(operation, err)
	return fmt.Errorf("%w: %s: %w", ErrDirOffline, operation, err)
}
