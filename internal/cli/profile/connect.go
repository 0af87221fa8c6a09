package profile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/output"
)

// connectTimeout is how long a broker has for its first answer. Who waits at a prompt wants to know soon.
const connectTimeout = 3 * time.Second

func (p *Profile) newClient(opts ...kgo.Opt) (*kgo.Client, error) {
	seeds := p.Seeds()
	common := []kgo.Opt{
		kgo.SeedBrokers(seeds...),
		kgo.ClientID("ottla"),
		kgo.DialTimeout(p.patience),
		kgo.RetryTimeout(p.timeout),
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
	client, err := kgo.NewClient(append(common, opts...)...)
	if err != nil {
		return nil, output.Usagef("--bootstrap %s: %v", strings.Join(seeds, ","), err)
	}
	return client, nil
}

// connect makes a client and sees to it that a broker answers.
func (p *Profile) connect(ctx context.Context) (*kgo.Client, error) {
	client, err := p.newClient()
	if err != nil {
		return nil, err
	}
	patience := min(p.patience, p.timeout)
	pingCtx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- client.Ping(pingCtx) }() // the client waits longer than its context for a broker that accepts and then says nothing
	select {
	case err = <-answer:
	case <-pingCtx.Done():
		err = pingCtx.Err()
	}
	switch {
	case err == nil:
		return client, nil
	case errors.Is(ctx.Err(), context.Canceled):
		err = ctx.Err()
	default:
		err = unreachable(p.Seeds(), err, patience)
	}
	go client.Close()
	return nil, err
}

// unreachable says in one sentence that no broker answers, why, and what to do.
func unreachable(seeds []string, err error, patience time.Duration) error {
	return (&output.Error{
		Exit:    output.Unreachable,
		Code:    "UNREACHABLE",
		Message: fmt.Sprintf("no broker answers at %s: %s", strings.Join(seeds, ", "), why(err, patience)),
	}).WithHint("Start a node with `ottla serve`, or name another with --bootstrap host:port or %s.", BootstrapEnv)
}

func why(err error, patience time.Duration) string {
	var op *net.OpError
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns):
		return "the host name " + dns.Name + " cannot be resolved"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("nothing came within %s", patience)
	case errors.As(err, &op) && op.Op == "dial":
		return strings.TrimPrefix(op.Err.Error(), "connect: ")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed at once, so what listens there does not speak Kafka's protocol without TLS"
	}
	return err.Error()
}
