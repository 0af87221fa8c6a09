// Package node puts the rooms of the house together: it starts them in order, tells each of what the others learn, and stops them in the
// reverse order. It is the only room that knows all others.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"ottla.dev/ottla/internal/api"
	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	controller "ottla.dev/ottla/internal/controller/run"
	"ottla.dev/ottla/internal/coordinator/group/service"
	"ottla.dev/ottla/internal/coordinator/txn"
	txnservice "ottla.dev/ottla/internal/coordinator/txn/service"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/etcd"
	"ottla.dev/ottla/internal/network"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// metadataDir is the directory with the embedded store's files, in metadata.log.dir or else the first log directory.
const metadataDir = "ottla-metadata"

// Options say what a node is made of.
type Options struct {
	Config *config.Snapshot
	Logger *slog.Logger
	// LogLevel is the level of Logger, for who changes it at run time (the broker logger "root"). Nil: it cannot be changed.
	LogLevel *slog.LevelVar
	FS       vfs.FS      // of the logs; nil: the machine's
	Clock    clock.Clock // nil: the machine's
}

// Node is a running node.
type Node struct {
	options     Options
	logger      *slog.Logger
	live        *config.Live
	incarnation metadata.UUID
	clusterID   string

	locks      *storage.Locks
	store      *store.Store
	controller *controller.Run
	logs       *storage.Manager
	replicas   *run.Manager
	groups     *service.Service
	server     *network.Server

	transactions *txnservice.Service
	markers      *api.Markers
	producerIDs  *api.ProducerIDs

	notes startNotes
	lost  *txn.Lost // nil: the machine never went down
	left  *leftOpen // nil: no transaction was left open then; changed by endLeftOpen only

	ctx          context.Context // ends when the node does
	cancel       context.CancelFunc
	background   sync.WaitGroup
	stopWatch    func()
	stopSettings func()
	closeOnce    sync.Once
	closeErr     error
}

// Start runs a node and returns when it is ready for clients. When it fails, everything that it had begun is undone.
func Start(ctx context.Context, o Options) (_ *Node, err error) {
	if o.FS == nil {
		o.FS = vfs.OS
	}
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	n := &Node{options: o, logger: o.Logger, live: config.NewLive(o.Config, o.Logger)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if n.incarnation, err = metadata.NewUUID(rand.Reader); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = n.Close()
		}
	}()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"check roles", n.checkRoles}, {"open directories", n.openDirs}, {"open metadata", n.openMetadata}, {"open logs", n.openLogs},
		{"listen", n.listen}, {"join the cluster", n.join}, {"serve", n.serve},
	} {
		began := o.Clock.Now()
		if err := step.do(ctx); err != nil {
			return nil, err
		}
		n.logger.Debug("started", "step", step.name, "took", o.Clock.Now().Sub(began))
	}
	return n, nil
}

// checkRoles refuses what this version cannot be.
func (n *Node) checkRoles(context.Context) error {
	s := n.options.Config
	if !s.HasRole("broker") || !s.HasRole("controller") {
		return errors.New("process.roles must be broker,controller: this version of Ottla runs one node that is both")
	}
	for _, l := range s.BrokerListeners() {
		if l.Protocol != config.Plaintext {
			return fmt.Errorf("listener %s: the security protocol %s is not supported by this version of Ottla; use PLAINTEXT", l.Name, l.Protocol)
		}
	}
	return nil
}

// openDirs takes the log directories, so that no other process can.
func (n *Node) openDirs(context.Context) (err error) {
	n.notes.changed = n.changedSinceBoot()
	n.locks, err = storage.LockDirs(storage.LockOptions{FS: n.options.FS, Dirs: n.options.Config.LogDirs(), NodeID: n.options.Config.NodeID(), Logger: n.logger})
	return err
}

// openMetadata starts the store and the controller's loop, and finds out the cluster's id.
func (n *Node) openMetadata(ctx context.Context) error {
	dir := n.options.Config.String("metadata.log.dir")
	if dir == "" {
		dir = n.options.Config.LogDirs()[0]
	}
	bootstrap, err := bootstrapRecords(dir, n.logger)
	if err != nil {
		return err
	}
	backend, err := etcd.Open(ctx, etcd.Embedded{Dir: filepath.Join(dir, metadataDir), Log: n.logger})
	if err != nil {
		return fmt.Errorf("metadata store: %w", err)
	}
	n.store = store.New(backend)
	if err := n.takeOver(ctx, dir); err != nil {
		return err
	}
	n.controller, err = controller.Start(ctx, controller.Options{
		Store: n.store, NodeID: n.options.Config.NodeID(), ClusterID: n.locks.ClusterID(), Bootstrap: bootstrap,
		Config: n.live.Snapshot, Clock: n.options.Clock, Log: n.logger,
	})
	if err != nil {
		return err
	}
	img, err := n.controller.Wait(ctx, func(img *metadata.Image) bool {
		return img.ClusterID != "" && img.ControllerID != metadata.NoLeader
	})
	if err != nil {
		return fmt.Errorf("no controller was elected: %w", err)
	}
	n.clusterID = img.ClusterID
	// The logs are opened with the dynamic settings too: retention must not run by the wrong ones.
	n.live.Update(img.Configs(metadata.DefaultBrokerResource), img.Configs(metadata.BrokerResource(n.options.Config.NodeID())))
	return n.locks.Format(n.clusterID)
}

// openLogs recovers the logs and prepares who serves them.
func (n *Node) openLogs(ctx context.Context) (err error) {
	s := n.live.Snapshot()
	img := n.controller.Image()
	defaults, err := s.Topic(nil)
	if err != nil {
		return err
	}
	n.logs, err = storage.OpenManager(ctx, storage.ManagerOptions{
		FS: n.options.FS, Clock: n.options.Clock, Logger: n.logger, Locks: n.locks,
		Default:                defaults,
		TopicConfig:            func(topic string) *config.Topic { return n.topicConfig(img, topic) },
		RecoveryThreadsPerDir:  s.Int("num.recovery.threads.per.data.dir"),
		RetentionCheckInterval: s.Millis("log.retention.check.interval.ms"),
		FlushSchedulerInterval: s.Millis("log.flush.scheduler.interval.ms"),
		CheckpointInterval:     s.Millis("log.flush.offset.checkpoint.interval.ms"),
		StartOffsetInterval:    s.Millis("log.flush.start.offset.checkpoint.interval.ms"),
		HighWatermarkInterval:  s.Millis("replica.high.watermark.checkpoint.interval.ms"),
		ProducerIDExpiration:   s.Millis("producer.id.expiration.ms"),
		MinFreeBytes:           s.Long("ottla.disk.min.free.bytes"),
		// The setting says whether, the log's option whether not.
		SkipTransactionVerification: !s.Bool("transaction.partition.verification.enable"),
		Cleaner:                     cleanerOptions(s),
		OnDirFailure: func(dir string, err error) {
			n.logger.Error("a log directory is offline; its partitions answer KAFKA_STORAGE_ERROR until a restart", "dir", dir, "error", err)
		},
	})
	if err != nil {
		return err
	}
	n.stopSettings = n.live.Subscribe(func(_, now *config.Snapshot) {
		n.logs.UpdateSettings(func(o *storage.ManagerOptions) {
			o.ProducerIDExpiration = now.Millis("producer.id.expiration.ms")
			o.RecoveryThreadsPerDir = now.Int("num.recovery.threads.per.data.dir")
			o.MinFreeBytes = now.Long("ottla.disk.min.free.bytes")
			o.SkipTransactionVerification = !now.Bool("transaction.partition.verification.enable")
			o.Cleaner = cleanerOptions(now)
		})
	})
	n.noteStart(img)
	n.replicas = run.NewManager(n.logs, n.logger)
	n.groups = service.New(service.Options{
		Clock: n.options.Clock, Logger: n.logger,
		Config: perSnapshot(n.live.Snapshot, groupConfig),
		Topics: topicLookup{n.controller.Image},
		PartitionCount: func() int32 {
			if t := n.controller.Image().Topic(offsetsTopic); t != nil {
				return int32(len(t.Partitions))
			}
			return int32(n.live.Snapshot().Int("offsets.topic.num.partitions"))
		},
		VerifyTransaction: n.verifyTransaction,
	})
	n.openTransactions()
	return nil
}

// listen opens the listeners, so that their ports are known and clients queue up from now on.
func (n *Node) listen(context.Context) (err error) {
	s := n.live.Snapshot()
	var listeners []*network.Listener
	for _, l := range s.BrokerListeners() {
		listeners = append(listeners, &network.Listener{Name: l.Name, Host: l.Host, Port: l.Port})
	}
	n.server, err = network.Listen(listeners, n.networkOptions(s))
	if err != nil {
		return err
	}
	for _, l := range n.server.Listeners() {
		if ip := net.ParseIP(l.Host); l.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			n.logger.Warn("this listener can be reached from other machines, and nobody is asked who they are: whoever reaches it can read, write and delete everything",
				"listener", l.Name, "address", net.JoinHostPort(l.Host, strconv.Itoa(l.Port)))
		}
	}
	return nil
}

// join registers the broker and opens what the metadata assigns to it.
func (n *Node) join(ctx context.Context) error {
	if err := n.register(ctx); err != nil {
		return err
	}
	n.stopWatch = n.controller.Subscribe(n.apply)
	n.warnOfUnknownLogs()
	if n.left != nil {
		n.background.Go(n.endLeftOpen)
	}
	return n.unfence(ctx)
}

func (n *Node) serve(context.Context) error {
	n.server.Serve(api.New(api.Deps{
		Logger: n.logger, Clock: n.options.Clock, Config: n.live, NodeID: n.options.Config.NodeID(),
		Replicas: n.replicas, Logs: n.logs, Controller: n.controller, Groups: n.groups, LogLevel: n.options.LogLevel, Context: n.ctx,
		Transactions: n.transactions, Verifier: n.transactions, Markers: n.markers, ProducerIDs: n.producerIDs,
	}))
	return nil
}

// Addr returns the first listener's address, as a client on this machine reaches it.
func (n *Node) Addr() string {
	l := n.server.Listeners()[0]
	host := l.Host
	if l.Wildcard() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(l.Port))
}

// Listeners returns the open listeners with their ports.
func (n *Node) Listeners() []*network.Listener { return n.server.Listeners() }

// ClusterID returns the id of the cluster.
func (n *Node) ClusterID() string { return n.clusterID }

// stopTimeout bounds how long a step of a clean stop may wait for somebody else.
const stopTimeout = 5 * time.Second

// Close stops the node cleanly.
func (n *Node) Close() error {
	n.closeOnce.Do(func() { n.closeErr = n.close() })
	return n.closeErr
}

func (n *Node) close() error {
	var failed []error
	if n.server != nil {
		n.server.StopAccepting()
	}
	if n.controller != nil && n.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		n.leave(ctx)
		cancel()
	}
	if n.transactions != nil { // before the groups: it has markers written by them
		n.transactions.Close()
	}
	if n.groups != nil {
		n.groups.Close()
	}
	n.cancel()
	if n.server != nil {
		n.server.Close()
	}
	n.background.Wait()
	if n.stopWatch != nil {
		n.stopWatch()
	}
	if n.stopSettings != nil {
		n.stopSettings()
	}
	if n.controller != nil {
		failed = append(failed, n.controller.Close())
	}
	if n.logs != nil {
		failed = append(failed, n.logs.Close())
	}
	if n.store != nil {
		failed = append(failed, n.store.Close())
	}
	if n.locks != nil {
		failed = append(failed, n.locks.Close())
	}
	return errors.Join(failed...)
}
