package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	requestTimeout = 30 * time.Second
	maxAnswerBytes = 64 << 20
)

// conn sends requests in exactly the version that they have, so that both nodes are asked the same.
type conn struct {
	net.Conn
	format *kmsg.RequestFormatter
	next   int32
}

func dial(ctx context.Context, addr string) (*conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID("takeover"))}, nil
}

func (c *conn) ask(req kmsg.Request) (kmsg.Response, error) {
	c.next++
	c.SetDeadline(time.Now().Add(requestTimeout))
	if _, err := c.Write(c.format.AppendRequest(nil, req, c.next)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, fmt.Errorf("%s v%d: %w", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	length := binary.BigEndian.Uint32(size[:])
	if length < 4 || length > maxAnswerBytes {
		return nil, fmt.Errorf("an answer of %d bytes", length)
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(c, frame); err != nil {
		return nil, err
	}
	if id := int32(binary.BigEndian.Uint32(frame)); id != c.next {
		return nil, fmt.Errorf("an answer to request %d, not %d", id, c.next)
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	body := frame[4:]
	if resp.IsFlexible() && req.Key() != 18 { // the answer to ApiVersions has no tags in its header
		body = body[1:] // no tags in the header
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("%s v%d: %w", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp, nil
}

// ask asks one question on a connection of its own.
func ask[R kmsg.Response](ctx context.Context, addr string, req kmsg.Request) (R, error) {
	var none R
	c, err := dial(ctx, addr)
	if err != nil {
		return none, err
	}
	defer c.Close()
	resp, err := c.ask(req)
	if err != nil {
		return none, err
	}
	return resp.(R), nil
}
