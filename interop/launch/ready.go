package launch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const readyPollInterval = 50 * time.Millisecond

// waitReady returns when the node lists itself among the live ones; before that it is fenced and creates no topic.
func (p *Process) waitReady(ctx context.Context, addr string) error {
	for {
		last := askReady(addr)
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", ctx.Err(), last)
		case <-p.exited:
			return errors.New("the process ended")
		case <-time.After(readyPollInterval):
		}
	}
}

// askReady sends one Metadata request for no topic.
func askReady(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	request := kmsg.NewPtrMetadataRequest()
	request.Version = 1
	request.Topics = []kmsg.MetadataRequestTopic{}
	if _, err := conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("launch")).AppendRequest(nil, request, 1)); err != nil {
		return err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(size[:])
	if length < 4 || length > 1<<20 {
		return fmt.Errorf("answer of %d bytes", length)
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(conn, frame); err != nil {
		return err
	}
	response := request.ResponseKind().(*kmsg.MetadataResponse)
	if err := response.ReadFrom(frame[4:]); err != nil {
		return err
	}
	if len(response.Brokers) == 0 {
		return errors.New("the node is still fenced")
	}
	return nil
}
