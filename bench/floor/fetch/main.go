// Command fetch is the floor under a broker's way out: it answers Fetch requests of version 11 with ranges of prepared log files, sent by
// sendfile. Every partition of every topic is one of these.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"ottla.dev/ottla/bench/floor/frame"
)

// logFile is the prepared file and where its batches are.
type logFile struct {
	file      *os.File
	size      int64
	next      int64 // the offset behind the last record
	offsets   []int64
	positions []int64
}

func main() {
	paths := flag.String("files", "", "Kafka log segments to serve, with commas between; partition n is the nth, counted from 0, and again from the first")
	prepared := sync.OnceValues(func() ([]*logFile, error) { return openAll(*paths) }) // by the first connection: the flags have been read then
	err := frame.Main(func(conn *net.TCPConn) (frame.Handler, error) {
		logs, err := prepared()
		if err != nil {
			return nil, err
		}
		raw, err := conn.SyscallConn()
		if err != nil {
			return nil, err
		}
		a := &answerer{logs: logs, conn: raw}
		return a.fetch, nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func openAll(paths string) (logs []*logFile, err error) {
	for path := range strings.SplitSeq(paths, ",") {
		log, err := open(path)
		if err != nil {
			return nil, err
		}
		logs = append(logs, log)
	}
	return logs, nil
}

// open finds the batches of the file.
func open(path string) (*logFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	l := &logFile{file: file}
	var head [27]byte
	for {
		if _, err := file.ReadAt(head[:], l.size); err != nil {
			return l, nil // the end, or a torn batch there
		}
		base := int64(binary.BigEndian.Uint64(head[:]))
		l.offsets, l.positions = append(l.offsets, base), append(l.positions, l.size)
		l.next = base + int64(binary.BigEndian.Uint32(head[23:])) + 1
		l.size += 12 + int64(binary.BigEndian.Uint32(head[8:]))
	}
}

// at returns where the batch with the offset begins.
func (l *logFile) at(offset int64) int64 {
	if offset >= l.next {
		return l.size
	}
	offset = max(offset, 0)
	return l.positions[sort.Search(len(l.offsets), func(i int) bool { return l.offsets[i] > offset })-1]
}

// answerer serves one connection.
type answerer struct {
	logs []*logFile
	conn syscall.RawConn
	out  []byte
	cuts []span
}

// span is a range of a file that follows the answer's bytes up to end.
type span struct {
	log      *logFile
	end      int
	position int64
	bytes    int64
}

func (a *answerer) fetch(request []byte) error {
	c := frame.Cursor{B: request}
	key, version, correlation := c.Header()
	if key != 1 || version != 11 {
		return fmt.Errorf("a request of key %d version %d: this program knows Fetch version 11", key, version)
	}
	c.Take(12) // replica, max wait, min bytes
	left := int64(c.Int32())
	c.Take(9) // isolation, session
	be := binary.BigEndian
	out := append(a.out[:0], 0, 0, 0, 0)
	out = be.AppendUint32(out, uint32(correlation))
	out = append(out, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // throttling, error, session
	a.cuts = a.cuts[:0]
	total := int64(0)
	topics := c.Int32()
	out = be.AppendUint32(out, uint32(topics))
	for ; topics > 0 && !c.Short; topics-- {
		topic := c.String()
		out = be.AppendUint16(out, uint16(len(topic)))
		out = append(out, topic...)
		partitions := c.Int32()
		out = be.AppendUint32(out, uint32(partitions))
		for ; partitions > 0 && !c.Short; partitions-- {
			index := c.Int32()
			log := a.logs[uint32(index)%uint32(len(a.logs))]
			c.Int32() // leader epoch
			position := log.at(c.Int64())
			c.Int64() // log start offset
			n := min(int64(c.Int32()), left, log.size-position)
			left, total = left-n, total+n
			out = be.AppendUint32(out, uint32(index))
			out = append(out, 0, 0)
			out = be.AppendUint64(out, uint64(log.next))
			out = be.AppendUint64(out, uint64(log.next))
			out = append(out, 0, 0, 0, 0, 0, 0, 0, 0)
			out = append(out, 0xff, 0xff, 0xff, 0xff) // no aborted transactions
			out = append(out, 0xff, 0xff, 0xff, 0xff) // no preferred replica
			out = be.AppendUint32(out, uint32(n))
			a.cuts = append(a.cuts, span{log: log, end: len(out), position: position, bytes: n})
		}
	}
	if c.Short {
		return errors.New("a Fetch request that ends early")
	}
	be.PutUint32(out, uint32(int64(len(out)-4)+total))
	a.out = out
	return a.send()
}

// send writes the answer, the bytes and the ranges of the file in turn.
func (a *answerer) send() error {
	from := 0
	for _, s := range a.cuts {
		if err := a.write(a.out[from:s.end], s.bytes > 0); err != nil {
			return err
		}
		if err := a.sendfile(s.log, s.position, s.bytes); err != nil {
			return err
		}
		from = s.end
	}
	return nil
}

func (a *answerer) write(b []byte, more bool) error {
	flags := unix.MSG_NOSIGNAL
	if more {
		flags |= unix.MSG_MORE
	}
	return a.retry(func(fd int) (bool, error) {
		n, err := unix.SendmsgN(fd, b, nil, nil, flags)
		if err == nil {
			b = b[n:]
		}
		return len(b) == 0, err
	})
}

func (a *answerer) sendfile(log *logFile, position, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	file := int(log.file.Fd())
	return a.retry(func(fd int) (bool, error) {
		n, err := unix.Sendfile(fd, file, &position, int(bytes))
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		bytes -= int64(max(n, 0))
		return bytes == 0, err
	})
}

// retry calls f until it reports that it is done, and waits for the socket when it is full.
func (a *answerer) retry(f func(fd int) (bool, error)) error {
	var failed error
	err := a.conn.Write(func(fd uintptr) bool {
		for {
			done, err := f(int(fd))
			switch {
			case err == unix.EAGAIN:
				return false
			case err == unix.EINTR:
			case err != nil:
				failed = err
				return true
			case done:
				return true
			}
		}
	})
	if failed != nil {
		return failed
	}
	return err
}
