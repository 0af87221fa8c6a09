package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"ottla.dev/ottla/bench/floor/frame"
	"ottla.dev/ottla/bench/load"
)

func TestServesTheWholeFile(t *testing.T) {
	var written bytes.Buffer
	if err := (load.Shape{RecordBytes: 100, BatchBytes: 3000}).WriteLog(&written, 1<<20); err != nil {
		t.Fatal(err)
	}
	text := written.Bytes()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, append(text, make([]byte, 20)...), 0o644); err != nil { // a torn batch at the end
		t.Fatal(err)
	}
	log, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	if log.size != int64(len(text)) {
		t.Fatalf("%d bytes of whole batches, want %d", log.size, len(text))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			raw, _ := conn.(*net.TCPConn).SyscallConn()
			go frame.Serve(conn, (&answerer{logs: []*logFile{log}, conn: raw}).fetch)
		}
	}()
	for _, max := range []int{4000, 100_000, 50 << 20} {
		done, err := load.Fetch{Partitions: 3, Consumers: 2, MaxBytes: 50 << 20, MaxPartitionBytes: max}.Run(t.Context(), listener.Addr().String(), "t")
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(len(text)) * 3 * 2; done.Bytes != want {
			t.Errorf("%d bytes of %d", done.Bytes, want)
		}
	}
}
