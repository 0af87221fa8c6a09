package golden

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// requests plays a request in each of its versions.
func (p *player) requests(ctx context.Context, r *request) error {
	first, err := p.int(r.first)
	if err != nil {
		return err
	}
	last := first
	if r.last != nil {
		if last, err = p.int(r.last); err != nil {
			return err
		}
	}
	for version := first; version <= last; version++ {
		p.variables["version"] = version
		if err := p.request(ctx, r, int16(version)); err != nil {
			return fmt.Errorf("%s v%d: %w", r.api, version, err)
		}
	}
	return nil
}

func (p *player) request(ctx context.Context, r *request, version int16) error {
	deadline := time.Now().Add(pollPatience)
	for {
		s, err := p.send(r, version)
		if err != nil {
			return err
		}
		if r.options["noreply"] != nil {
			return nil
		}
		if name, ok := r.options["async"].(string); ok {
			p.waiting[name] = s
			return nil
		}
		done, err := p.take(s, &r.clauses)
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the condition after until was not met within %s; last answer:\n%s", pollPatience, formatBlock(p.normalizer.last))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

// send encodes and writes one request. encode=vN writes the body of another version than the header says; cut and extra damage it.
func (p *player) send(r *request, version int16) (*sent, error) {
	message, err := requestFor(r.api)
	if err != nil {
		return nil, err
	}
	body, err := p.evaluate(r.body)
	if err != nil {
		return nil, err
	}
	bodyVersion, decode := version, version
	if bodyVersion, err = versionOption(r.options, "encode", version); err != nil {
		return nil, err
	}
	if decode, err = versionOption(r.options, "decode", bodyVersion); err != nil {
		return nil, err
	}
	message.SetVersion(bodyVersion)
	if err := fill(message, body.(*Object)); err != nil {
		return nil, err
	}
	client := "golden"
	if name, ok := r.options["client"].(string); ok {
		client = name
	}
	p.correlation++
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID(client)).AppendRequest(nil, message, p.correlation)
	binary.BigEndian.PutUint16(frame[6:], uint16(version))
	if n, ok := r.options["cut"].(int64); ok {
		frame = frame[:max(12, len(frame)-int(n))]
	}
	if extra, ok := r.options["extra"]; ok {
		b, err := toBytes(extra)
		if err != nil {
			return nil, err
		}
		frame = append(frame, b...)
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	c, err := p.connect(r.connection)
	if err != nil {
		return nil, err
	}
	if n := c.strays(); n > 0 {
		return nil, fmt.Errorf("%d answers came on this connection that no request was waiting for", n)
	}
	waiter := c.send(frame, r.options["noreply"] == nil)
	return &sent{message, r.api, version, decode, p.correlation, waiter}, nil
}

func versionOption(options map[string]any, name string, otherwise int16) (int16, error) {
	v, ok := options[name]
	if !ok {
		return otherwise, nil
	}
	var n int16
	text, _ := v.(string)
	if _, err := fmt.Sscanf(text, "v%d", &n); err != nil {
		return 0, fmt.Errorf("%s wants a version as v3, not %s", name, format(v))
	}
	return n, nil
}

// connect returns the connection of a name; one that the broker closed is opened anew.
func (p *player) connect(name string) (*connection, error) {
	if c := p.connections[name]; c != nil && c.isOpen() {
		return c, nil
	}
	c, err := dial(p.target.Addr)
	if err != nil {
		return nil, err
	}
	p.connections[name] = c
	return c, nil
}

// take waits for an answer, judges its conditions and records it. It is not done while a condition does not hold.
func (p *player) take(s *sent, c *clauses) (done bool, err error) {
	frame, err := receive(s.waiter)
	if errors.Is(err, errClosed) {
		p.record(fmt.Sprintf("%s v%d", s.api, s.version), "connection closed")
		return true, nil
	}
	if err != nil {
		return false, err
	}
	tree, err := decodeAnswer(frame, s.request, s.decode, s.correlation)
	if err != nil {
		return false, err
	}
	p.normalizer.last = tree
	for _, cond := range c.until {
		want, err := p.evaluate(cond.value)
		if err != nil {
			return false, err
		}
		got, err := lookup(tree, cond.path)
		if holds := err == nil && format(got) == format(want); holds != cond.equal {
			return false, nil
		}
	}
	return true, p.finish(tree, s.api, s.version, c)
}

// finish captures variables from an answer and records it.
func (p *player) finish(tree *Object, api string, version int16, c *clauses) error {
	for _, capt := range c.capture {
		v, err := lookup(tree, capt.path)
		if err != nil {
			return err
		}
		p.variables[capt.variable] = v
		p.normalizer.name(capt.variable, capt.path[len(capt.path)-1].field, v)
	}
	if c.quiet {
		return nil
	}
	for _, masked := range c.mask {
		replaceAt(tree, masked, func(any) any { return "<any>" })
	}
	step := fmt.Sprintf("%d %s v%d", p.number+1, api, version)
	p.record(fmt.Sprintf("%s v%d", api, version), p.normalizer.answer(api, step, tree))
	return nil
}

func (p *player) record(what string, answer any) {
	p.number++
	where := fmt.Sprintf("line %d", p.line)
	if len(p.inLoops) > 0 {
		where += " with " + strings.Join(p.inLoops, ", ")
	}
	p.outcomes = append(p.outcomes, Outcome{fmt.Sprintf("%d %s", p.number, what), answer, where})
}

// decodeAnswer reads an answer's header and body, and notes what a reader of the exact version would stumble over.
func decodeAnswer(frame []byte, message kmsg.Request, version int16, correlation int32) (*Object, error) {
	if len(frame) < 4 {
		return nil, fmt.Errorf("an answer of %d bytes", len(frame))
	}
	if got := int32(binary.BigEndian.Uint32(frame)); got != correlation {
		return nil, fmt.Errorf("an answer with correlation id %d to request %d", got, correlation)
	}
	body := frame[4:]
	message.SetVersion(version)
	response := message.ResponseKind()
	response.SetVersion(version)
	if response.IsFlexible() && message.Key() != int16(kmsg.ApiVersions) {
		if len(body) == 0 || body[0] != 0 {
			return nil, fmt.Errorf("the answer's header has no empty tagged fields: % x", frame[:min(16, len(frame))])
		}
		body = body[1:]
	}
	if err := response.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("the answer does not decode as version %d: %w; % x", version, err, frame[:min(200, len(frame))])
	}
	tree := toTree(response)
	if again := response.AppendTo(nil); len(again) != len(body) {
		tree.Fields = append(tree.Fields, Field{Name: "BytesTooMany", Value: int64(len(body) - len(again))})
	}
	return tree, nil
}

// raw sends bytes as they are. The outcome is the answer's body, undecoded unless decode=API is given with the version in the frame.
func (p *player) raw(r *raw) error {
	parts, err := p.evaluateList(r.parts)
	if err != nil {
		return err
	}
	b, err := toBytes(parts)
	if err != nil {
		return err
	}
	if r.framed {
		b = append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	c, err := p.connect(r.connection)
	if err != nil {
		return err
	}
	noreply := r.options["noreply"] != nil
	waiter := c.send(b, !noreply)
	if noreply {
		return nil
	}
	frame, err := receive(waiter)
	switch {
	case errors.Is(err, errClosed):
		p.record("raw", "connection closed")
	case err != nil:
		return err
	default:
		return p.rawAnswer(r, b, frame)
	}
	return nil
}

// rawAnswer records what came back to raw bytes. With decode=vN it is read as an answer of that version to the API that the bytes name.
func (p *player) rawAnswer(r *raw, sentBytes, frame []byte) error {
	version, err := versionOption(r.options, "decode", -1)
	if err != nil {
		return err
	}
	if version < 0 {
		p.record("raw", &Object{Fields: []Field{{Name: "Frame", Value: Bytes(frame)}}})
		return nil
	}
	if len(sentBytes) < 12 {
		return errors.New("decode: the bytes have no header")
	}
	message := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(sentBytes[4:])))
	if message == nil {
		return errors.New("decode: the bytes name no known API")
	}
	tree, err := decodeAnswer(frame, message, version, int32(binary.BigEndian.Uint32(sentBytes[8:])))
	if err != nil {
		return err
	}
	return p.finish(tree, kmsg.NameForKey(message.Key()), version, &r.clauses)
}
