package profile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
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
		kgo.DialTimeout(connectTimeout),
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
	pingCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := client.Ping(pingCtx); err != nil {
		client.Close()
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err()
		}
		return nil, unreachable(p.Seeds(), err)
	}
	return client, nil
}

// unreachable says in one sentence that no broker answers, why, and what to do.
func unreachable(seeds []string, err error) error {
	return (&output.Error{
		Exit:    output.Unreachable,
		Code:    "UNREACHABLE",
		Message: fmt.Sprintf("no broker answers at %s: %s", strings.Join(seeds, ", "), why(err)),
	}).WithHint("Start a node with `ottla serve`, or name another with --bootstrap host:port or %s.", BootstrapEnv)
}

func why(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns):
		return "the host name " + dns.Name + " cannot be resolved"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("nothing came within %s", connectTimeout)
	case errors.As(err, &op) && op.Op == "dial":
		return strings.TrimPrefix(op.Err.Error(), "connect: ")
	case errors.Is(err, io.EOF):
		return "the connection was closed at once, so what listens there does not speak Kafka's protocol without TLS"
	}
	return err.Error()
}
