package etcd

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"ottla.dev/ottla/internal/metadata/store"
)

// DefaultPrefix is where the keys lie in an etcd that others may use too.
const DefaultPrefix = "/ottla/"

// External says how to reach an etcd cluster.
type External struct {
	Endpoints   []string // host:port
	Prefix      string   // "": DefaultPrefix. One for each Ottla cluster
	Username    string
	Password    string
	TLS         *tls.Config
	DialTimeout time.Duration // 0: 5 s
	MaxOps      int           // the servers' --max-txn-ops; 0: 128, their default
	MaxBytes    int           // the servers' --max-request-bytes; 0: 1.5 MiB, their default
	Log         *slog.Logger
}

// Connect returns the backend in an external etcd cluster. It fails if none of the endpoints answers in time.
func Connect(ctx context.Context, o External) (store.Backend, error) {
	orDefault(&o.Prefix, DefaultPrefix)
	orDefault(&o.DialTimeout, 5*time.Second)
	orDefault(&o.MaxOps, 128)
	orDefault(&o.MaxBytes, 3<<19)
	logger := zap.NewNop()
	if o.Log != nil {
		logger = zapLogger(o.Log)
	}
	c, err := clientv3.New(clientv3.Config{
		Endpoints: o.Endpoints, Username: o.Username, Password: o.Password, TLS: o.TLS, DialTimeout: o.DialTimeout,
		DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 5 * time.Second, Logger: logger,
		MaxCallSendMsgSize: 2 * o.MaxBytes, RejectOldCluster: false,
	})
	if err != nil {
		return nil, fmt.Errorf("etcd at %v: %w", o.Endpoints, err)
	}
	b := newClient(c, o.Prefix, store.Limits{Ops: o.MaxOps, Bytes: o.MaxBytes}, 1000, c.Close)
	ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	if _, _, err := b.Range(ctx, "format"); err != nil {
		b.Close()
		return nil, fmt.Errorf("etcd at %v does not answer: %w", o.Endpoints, err)
	}
	return b, nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
