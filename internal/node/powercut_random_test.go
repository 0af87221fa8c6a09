package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/node"
	"ottla.dev/ottla/internal/vfs"
)

// powerCutSeeds is how many runs TestPowerCutsWithoutFlush makes.
func powerCutSeeds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("OTTLA_POWERCUT_SEEDS"), 10, 64); err == nil {
		return n
	}
	return 4
}

// TestPowerCutsWithoutFlush cuts the power, again and again, at nodes whose acknowledgements mean the page cache: of every log the newest part may be gone, of
// each by itself. What must hold nevertheless:
//
//   - Soon after, every transactional id ends transactions again, by a producer that lives on as by one that is new, whatever its protocol.
//   - What is committed from then on is there in every topic, once (until the next cut).
//   - The last stable offset reaches the end when everything has ended.
//   - What was aborted is never seen, and nothing is seen twice.
//
// What is committed before a cut may be gone, also in one topic only. Every other node has two log directories.
func TestPowerCutsWithoutFlush(t *testing.T) {
	for seed := range powerCutSeeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			newPowerCuts(t, seed).run(8)
		})
	}
}

// powerCuts is a node that loses its power, with producers around it.
type powerCuts struct {
	t         *testing.T
	random    *rand.Rand
	disk      *vfs.Mem
	dirs      []string
	metadata  string
	address   string
	producers []*survivor
	torn      int
}

// survivor is a producer that may live through power cuts.
type survivor struct {
	t         *testing.T
	id        string
	options   []kgo.Opt
	client    *kgo.Client
	tried     int
	random    *rand.Rand
	committed []string // since the last cut
	aborted   map[string]bool
	renewed   int           // clients that had to be replaced
	running   chan struct{} // closed when what was on its way at the last cut has ended
}

func newPowerCuts(t *testing.T, seed uint64) *powerCuts {
	p := &powerCuts{t: t, random: rand.New(rand.NewPCG(seed, 11)), disk: vfs.NewMem(), dirs: []string{"/data"}, metadata: filepath.Join(t.TempDir(), "metadata"), address: "127.0.0.1:0"}
	if seed%2 == 1 {
		p.dirs = []string{"/first", "/second"}
	}
	for i := range 4 {
		s := &survivor{t: t, id: fmt.Sprint("producer-", i), random: rand.New(rand.NewPCG(seed, uint64(100+i))), aborted: map[string]bool{}}
		if i%2 == 1 { // before transactions of version 2
			s.options = append(s.options, kgo.MaxVersions(kversion.V3_9_0()))
		}
		p.producers = append(p.producers, s)
	}
	return p
}

func (p *powerCuts) run(lives int) {
	for life := range lives {
		m := p.start()
		ctx, cancel := context.WithTimeout(p.t.Context(), 40*time.Second)
		p.each(func(s *survivor) { s.goOn(ctx, p.address) })
		for range 4 {
			p.each(func(s *survivor) { s.mustTransact(ctx) })
			p.writeBack()
		}
		p.check(m, fmt.Sprint("fence-", life))
		cancel()
		p.cut(m)
	}
	m := p.start()
	defer m.Close()
	ctx, cancel := context.WithTimeout(p.t.Context(), 40*time.Second)
	defer cancel()
	p.each(func(s *survivor) { s.goOn(ctx, p.address) })
	p.check(m, "end")
	tried, renewed := 0, 0
	for _, s := range p.producers {
		tried, renewed = tried+s.tried, renewed+s.renewed
		s.client.Close()
	}
	p.t.Logf("%d transactions, %d seen in one topic only, %d clients replaced", tried, p.torn, renewed)
}

// start starts a node on what is left of the disk, at the address that its clients know.
func (p *powerCuts) start() *mortal {
	p.t.Helper()
	snapshot, _, err := config.Load(config.LoadOptions{
		Values: map[string]string{
			"log.dirs": strings.Join(p.dirs, ","), "metadata.log.dir": p.metadata, "listeners": "PLAINTEXT://" + p.address, "transaction.state.log.num.partitions": "2",
		},
		Fallback: config.Standalone(p.dirs[0]),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	n, err := node.Start(p.t.Context(), node.Options{Config: snapshot, FS: p.disk, Logger: slog.New(slog.NewTextHandler(&testLog{t: p.t}, &slog.HandlerOptions{Level: powerCutLogLevel}))})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = n.Close() }) // where a check fails
	p.address = n.Addr()
	return &mortal{Node: n, disk: p.disk, metadata: p.metadata, died: make(chan struct{})}
}

// powerCutLogLevel is what the nodes tell: nothing, for it is much.
const powerCutLogLevel = slog.LevelError + 1

// each runs something for all producers at once.
func (p *powerCuts) each(do func(*survivor)) {
	var wg sync.WaitGroup
	for _, s := range p.producers {
		wg.Go(func() { do(s) })
	}
	wg.Wait()
}

// cut runs transactions until the power goes, and leaves what the next start finds. Some producers survive it.
func (p *powerCuts) cut(m *mortal) {
	m.dieAfter(1 + p.random.IntN(150))
	ctx, cancel := context.WithCancel(p.t.Context())
	go func() {
		select {
		case <-m.died:
		case <-ctx.Done():
		}
		cancel()
	}()
	for _, s := range p.producers {
		s.running = make(chan struct{})
		go func() {
			defer close(s.running)
			for ctx.Err() == nil && s.transact(p.t.Context()) == nil { // what is on its way when the power goes may go on after that
			}
		}()
	}
	for ctx.Err() == nil {
		p.writeBack()
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(p.random.IntN(20)) * time.Millisecond):
		}
	}
	cancel()
	p.disk = m.afterPowerCut(p.random)
	for _, s := range p.producers {
		if p.random.IntN(2) == 0 { // not the producer's own numbers, which it may still use
			s.client.CloseAllowingRebalance()
			<-s.running
			s.client = nil
		}
	}
}

// writeBack has some files reach the disk, as a kernel does when it likes.
func (p *powerCuts) writeBack() {
	for _, logDir := range p.dirs {
		partitions, _ := p.disk.ReadDir(logDir)
		for _, partition := range partitions {
			if partition.IsDir && p.random.IntN(2) == 0 {
				p.writeBackAll(path.Join(logDir, partition.Name))
			}
		}
	}
}

func (p *powerCuts) writeBackAll(dir string) {
	files, _ := p.disk.ReadDir(dir)
	for _, file := range files {
		if f, err := p.disk.OpenReadWrite(path.Join(dir, file.Name)); err == nil {
			_ = f.Sync()
			_ = f.Close()
		}
	}
	_ = p.disk.SyncDir(dir)
}

// goOn has the producer end a transaction after a power cut. What it was in the middle of it gives up; if its client cannot go on, it takes a new one.
func (s *survivor) goOn(ctx context.Context, address string) {
	if s.client != nil && s.running != nil {
		select {
		case <-s.running:
		case <-ctx.Done():
			s.t.Errorf("%s still waits for what it did before the power cut", s.id)
			return
		}
	}
	s.committed = nil
	for failed := 0; ctx.Err() == nil; failed++ {
		if failed == maxFailures {
			s.t.Logf("%s takes a new client", s.id)
			s.client.CloseAllowingRebalance()
			s.client, failed = nil, 0
			s.renewed++
		}
		if s.client == nil {
			c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(address), kgo.AllowAutoTopicCreation(), kgo.TransactionalID(s.id), kgo.MetadataMinAge(20 * time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }), kgo.RecordPartitioner(kgo.ManualPartitioner())}, s.options...)...)
			if err != nil {
				s.t.Error(err)
				return
			}
			s.client = c
		} else if err := s.giveUp(ctx); err != nil {
			s.t.Logf("%s: %v", s.id, err)
			continue
		}
		err := s.transact(ctx)
		if err == nil {
			return
		}
		s.t.Logf("%s: %v", s.id, err)
	}
	s.t.Errorf("%s does not go on after the power cut", s.id)
}

// maxFailures is after how many failed transactions an application takes a new client.
const maxFailures = 4

// giveUp aborts what the client has open.
func (s *survivor) giveUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := s.client.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	return s.client.EndTransaction(ctx, kgo.TryAbort)
}

// transact runs one transaction, and notes how it ended if that is known.
func (s *survivor) transact(ctx context.Context) error {
	s.tried++
	value, commit := fmt.Sprintf("%s/%d", s.id, s.tried), s.random.IntN(3) > 0
	if err := s.client.BeginTransaction(); err != nil {
		return err
	}
	if err := s.client.ProduceSync(ctx, &kgo.Record{Topic: "left", Value: []byte(value)}, &kgo.Record{Topic: "right", Value: []byte(value)}).FirstErr(); err != nil {
		return err
	}
	if err := s.client.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		return err
	}
	if commit {
		s.committed = append(s.committed, value)
	} else {
		s.aborted[value] = true
	}
	return nil
}

func (s *survivor) mustTransact(ctx context.Context) {
	if err := s.transact(ctx); err != nil {
		s.t.Errorf("%s: a transaction failed although nothing happened: %v", s.id, err)
	}
}

// check looks at what readers of committed records see. Everybody's transactions have ended.
func (p *powerCuts) check(m *mortal, fence string) {
	p.t.Helper()
	if p.t.Failed() {
		p.t.FailNow()
	}
	a := attack(p.t, m.Addr())
	for _, topic := range []string{"left", "right"} {
		awaitStable(p.t, a, topic)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(m.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	if err := c.ProduceSync(within(p.t), &kgo.Record{Topic: "left", Value: []byte(fence)}, &kgo.Record{Topic: "right", Value: []byte(fence)}).FirstErr(); err != nil {
		p.t.Fatal(err)
	}
	left, right := seenUntil(p.t, m.Addr(), "left", fence), seenUntil(p.t, m.Addr(), "right", fence)
	for _, s := range p.producers {
		for _, v := range s.committed {
			if left[v] != 1 || right[v] != 1 {
				p.t.Errorf("%s was committed after the last power cut, and is seen %d times on the left and %d times on the right", v, left[v], right[v])
			}
		}
		for v := range s.aborted {
			if left[v] > 0 || right[v] > 0 {
				p.t.Errorf("%s was aborted, and is seen", v)
			}
		}
	}
	p.torn = 0
	for v := range left {
		if left[v] > 1 || right[v] > 1 {
			p.t.Errorf("%s is seen %d times on the left and %d times on the right", v, left[v], right[v])
		}
		if right[v] == 0 {
			p.torn++
		}
	}
	for v := range right {
		if left[v] == 0 {
			p.torn++
		}
	}
	if p.t.Failed() {
		p.t.FailNow()
	}
}

// seenUntil counts the values that readers of committed records see, up to one that is there.
func seenUntil(t *testing.T, address, topic, last string) map[string]int {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	seen := map[string]int{}
	for seen[last] == 0 {
		for _, r := range consume(t, c, 1) {
			seen[string(r.Value)]++
		}
	}
	return seen
}
