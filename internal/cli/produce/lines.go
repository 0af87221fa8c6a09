package produce

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// maxLineBytes bounds a line, and the whole input with --whole: more than any broker takes is a mistake about the input.
const maxLineBytes = 100 << 20

// errTooLong is the error of a line beyond the bound.
var errTooLong = errors.New("too long")

// item is a line, or the error that ended the input.
type item struct {
	line []byte
	err  error
}

// lines reads the input in a goroutine of its own, for reading a terminal cannot be interrupted. The channel closes at the end of the input;
// an error comes last.
func lines(ctx context.Context, in io.Reader, whole bool, maxBytes int) <-chan item {
	items := make(chan item, 1024)
	go func() {
		defer close(items)
		read := readLine
		if whole {
			read = readAll
		}
		buffered := bufio.NewReaderSize(in, 64<<10)
		for {
			line, err := read(buffered, maxBytes)
			if errors.Is(err, io.EOF) {
				return
			}
			select {
			case items <- item{line, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || whole {
				return
			}
		}
	}()
	return items
}

// readLine reads up to a line end, which it drops. A last line without one counts.
func readLine(in *bufio.Reader, maxBytes int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxBytes:
			return nil, tooLong(maxBytes)
		case err == nil:
			return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return nil, err
		}
	}
}

func readAll(in *bufio.Reader, maxBytes int) ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(in, int64(maxBytes)+1))
	if err == nil && len(all) > maxBytes {
		err = tooLong(maxBytes)
	}
	return all, err
}

func tooLong(maxBytes int) error { return fmt.Errorf("%w: more than %d bytes", errTooLong, maxBytes) }
