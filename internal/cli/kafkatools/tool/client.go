package tool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Java's names of the client settings that every tool understands.
const (
	BootstrapServers  = "bootstrap.servers"
	ClientID          = "client.id"
	SecurityProtocol  = "security.protocol"
	RequestTimeoutMs  = "request.timeout.ms"
	APITimeoutMs      = "default.api.timeout.ms"
	retryBackoffMs    = "retry.backoff.ms"
	retryBackoffMaxMs = "retry.backoff.max.ms"
	maxIdleMs         = "connections.max.idle.ms"
	metadataMaxAgeMs  = "metadata.max.age.ms"
	setupTimeoutMs    = "socket.connection.setup.timeout.ms"
)

// Client is a connection to a cluster. Every call is bounded by APITimeout, as the Java admin client's are.
type Client struct {
	*kgo.Client
	Admin      *kadm.Client
	APITimeout time.Duration
}

// ClientProperties merges, later ones winning, the tool's defaults, the file of --command-config (may be empty) and the
// address of --bootstrap-server.
func ClientProperties(bootstrap, commandConfigFile string, defaults map[string]string) (map[string]string, error) {
	props := map[string]string{}
	maps.Copy(props, defaults)
	if commandConfigFile != "" {
		file, err := LoadProperties(commandConfigFile)
		if err != nil {
			return nil, err
		}
		maps.Copy(props, file)
	}
	if bootstrap != "" {
		props[BootstrapServers] = bootstrap
	}
	return props, nil
}

// NewClient makes a client from Java's properties; extra options win. It does not connect yet.
func NewClient(props map[string]string, extra ...kgo.Opt) (*Client, error) {
	opts, err := CommonOptions(props)
	if err != nil {
		return nil, err
	}
	apiTimeout, err := DurationProperty(props, APITimeoutMs, 60*time.Second)
	if err != nil {
		return nil, err
	}
	// The context of each call bounds its retries in time; their number does not matter.
	opts = append(opts, kgo.RequestRetries(math.MaxInt32), kgo.RetryTimeout(0))
	cl, err := kgo.NewClient(append(opts, extra...)...)
	if err != nil {
		return nil, err
	}
	return &Client{Client: cl, Admin: kadm.NewClient(cl), APITimeout: apiTimeout}, nil
}

// CommonOptions maps the settings that all kinds of clients share.
func CommonOptions(props map[string]string) ([]kgo.Opt, error) {
	seeds, err := parseSeeds(props[BootstrapServers])
	if err != nil {
		return nil, err
	}
	if protocol := props[SecurityProtocol]; protocol != "" && !strings.EqualFold(protocol, "PLAINTEXT") {
		return nil, fmt.Errorf("security.protocol %s is not supported yet by this tool: only PLAINTEXT is", protocol)
	}
	opts := []kgo.Opt{kgo.SeedBrokers(seeds...)}
	if id := props[ClientID]; id != "" {
		opts = append(opts, kgo.ClientID(id))
	}
	durations := []struct {
		name   string
		def    time.Duration
		option func(time.Duration) kgo.Opt
	}{
		{RequestTimeoutMs, 30 * time.Second, func(d time.Duration) kgo.Opt { return kgo.RequestTimeoutOverhead(d) }},
		{setupTimeoutMs, 10 * time.Second, func(d time.Duration) kgo.Opt { return kgo.DialTimeout(d) }},
		{maxIdleMs, 5 * time.Minute, func(d time.Duration) kgo.Opt { return kgo.ConnIdleTimeout(d) }},
		{metadataMaxAgeMs, 5 * time.Minute, func(d time.Duration) kgo.Opt { return kgo.MetadataMaxAge(d) }},
	}
	for _, d := range durations {
		v, err := DurationProperty(props, d.name, d.def)
		if err != nil {
			return nil, err
		}
		opts = append(opts, d.option(v))
	}
	backoff, err := backoffOption(props)
	return append(opts, backoff), err
}

func backoffOption(props map[string]string) (kgo.Opt, error) {
	first, err := DurationProperty(props, retryBackoffMs, 100*time.Millisecond)
	if err != nil {
		return nil, err
	}
	last, err := DurationProperty(props, retryBackoffMaxMs, time.Second)
	if err != nil {
		return nil, err
	}
	return kgo.RetryBackoffFn(func(fails int) time.Duration {
		return min(last, first<<min(fails, 10))
	}), nil
}

func parseSeeds(list string) ([]string, error) {
	var seeds []string
	for seed := range strings.SplitSeq(list, ",") {
		seed = strings.TrimSpace(seed)
		if seed == "" {
			continue
		}
		_, port, err := net.SplitHostPort(seed)
		if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 1 || n > 65535 {
			return nil, Errorf("Invalid url in bootstrap.servers: %s", seed)
		}
		seeds = append(seeds, seed)
	}
	if len(seeds) == 0 {
		return nil, Errorf("No resolvable bootstrap urls given in bootstrap.servers")
	}
	return seeds, nil
}

// DurationProperty reads a setting in milliseconds.
func DurationProperty(props map[string]string, name string, def time.Duration) (time.Duration, error) {
	text, ok := props[name]
	if !ok {
		return def, nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, Errorf("Invalid value %s for configuration %s: Not a number of type INT", text, name)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// Bounded gives a context that ends after the client's API timeout.
func (c *Client) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.APITimeout)
}

// Call sends a request to any broker, or where the request itself must go (controller, coordinator), within the API timeout.
// call is the Java client's name of it, for the message of a timeout.
func Call[R kmsg.Response](ctx context.Context, c *Client, call string, req kmsg.Request) (R, error) {
	return callOn[R](ctx, c, call, c.Client, req)
}

// CallBroker sends a request to one broker.
func CallBroker[R kmsg.Response](ctx context.Context, c *Client, call string, broker int32, req kmsg.Request) (R, error) {
	return callOn[R](ctx, c, call, c.Broker(int(broker)), req)
}

type requestor interface {
	Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error)
}

func callOn[R kmsg.Response](ctx context.Context, c *Client, call string, to requestor, req kmsg.Request) (R, error) {
	bounded, cancel := c.Bounded(ctx)
	defer cancel()
	resp, err := to.Request(bounded, req)
	if err != nil {
		var none R
		return none, c.CallError(ctx, bounded, call, err)
	}
	return resp.(R), nil
}

// CallError tells a call's own time limit from the user's interrupt and from a broker's answer. Errors that the client
// retried until its time was up are a timeout too.
func (c *Client) CallError(ctx, bounded context.Context, call string, err error) error {
	if asBrokerError(err) != nil {
		return err
	}
	var network net.Error
	if ctx.Err() == nil && (bounded.Err() != nil || errors.As(err, &network)) {
		return &TimeoutError{Call: call}
	}
	return err
}

// ValidateBootstrap checks --bootstrap-server's form as the tools do that check it early.
func ValidateBootstrap(list string) error {
	if strings.TrimSpace(list) == "" {
		return UsageError("Error while validating the bootstrap address\n")
	}
	for hostPort := range strings.SplitSeq(list, ",") {
		if _, port, err := net.SplitHostPort(strings.TrimSpace(hostPort)); err != nil || port == "" {
			return UsageError("Please provide valid host:port like host1:9091,host2:9092\n")
		}
	}
	return nil
}
