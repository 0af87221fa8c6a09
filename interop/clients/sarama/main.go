// Command sarama runs IBM/sarama through the checks of the interop suite.
package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"ottla.dev/interop/gocheck"
)

type c = *gocheck.C

const minute = time.Minute

func main() {
	r := gocheck.New()
	produceChecks(r)
	r.Check("headers", minute, headers)
	r.Check("large/record", minute, largeRecord)
	r.Check("large/refused", minute, largeRefused)
	r.Check("idempotent", minute, idempotent)
	r.Check("offsets/time", minute, offsetsByTime)
	r.Check("offsets/out-of-range", minute, offsetsOutOfRange)
	r.Check("auto-create", minute, autoCreate)
	r.Check("group/come-and-go", 2*minute, comeAndGo)
	for _, s := range []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange(), sarama.NewBalanceStrategyRoundRobin(), sarama.NewBalanceStrategySticky()} {
		r.Check("group/assignor/"+s.Name(), minute, func(c c) { assignor(c, s) })
	}
	r.Check("group/static", minute, staticMember)
	r.Check("group/resume", minute, resume)
	r.Check("admin/topics", minute, adminTopics)
	r.Check("admin/configs", minute, adminConfigs)
	r.Check("admin/groups", minute, adminGroups)
	r.Check("admin/offsets", minute, adminOffsets)
	r.Check("admin/delete-records", minute, adminDeleteRecords)
	r.Check("admin/cluster", minute, adminCluster)
	r.Check("restart/stop", 2*minute, func(c c) { restart(c, "stop") })
	r.Check("restart/kill", 2*minute, func(c c) { restart(c, "kill") })
	transactionChecks(r)
	r.Finish()
}

// config is what all clients here have in common.
func config() *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.ClientID = "sarama"
	cfg.Version = sarama.MaxVersion
	cfg.Metadata.Retry.Max = 100
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	cfg.Producer.Flush.Frequency = 5 * time.Millisecond
	cfg.Producer.Retry.Max = 200
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	cfg.Consumer.Offsets.AutoCommit.Enable = false
	cfg.Consumer.MaxWaitTime = 200 * time.Millisecond
	return cfg
}

func connect(c c, cfg *sarama.Config) sarama.Client {
	cl, err := sarama.NewClient([]string{gocheck.Bootstrap()}, cfg)
	c.Must(err, "connect")
	return cl
}

func admin(c c) sarama.ClusterAdmin {
	cfg := config()
	cfg.Metadata.Retry.Max = 3
	adm, err := sarama.NewClusterAdmin([]string{gocheck.Bootstrap()}, cfg)
	c.Must(err, "connect the admin client")
	return adm
}

// newTopic creates a topic and waits until its partitions are served; configs are pairs.
func newTopic(c c, partitions int32, configs ...string) string {
	adm := admin(c)
	defer adm.Close()
	name := gocheck.Unique("t")
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: map[string]*string{}}
	for i := 0; i < len(configs); i += 2 {
		detail.ConfigEntries[configs[i]] = &configs[i+1]
	}
	c.Must(adm.CreateTopic(name, detail, false), "create topic %s", name)
	cl := connect(c, config())
	defer cl.Close()
	c.Eventually(func() string {
		for p := range partitions {
			if _, err := cl.GetOffset(name, p, sarama.OffsetNewest); err != nil {
				cl.RefreshMetadata(name)
				return fmt.Sprintf("the new topic %s is not served: %v", name, err)
			}
		}
		return ""
	})
	return name
}

// readAll reads count records of a topic from the beginning of its partitions, by partition.
func readAll(c c, cfg *sarama.Config, topic string, partitions int32, count int) map[int32][]*sarama.ConsumerMessage {
	consumer, err := sarama.NewConsumer([]string{gocheck.Bootstrap()}, cfg)
	c.Must(err, "connect a consumer")
	defer consumer.Close()
	all := make(chan *sarama.ConsumerMessage)
	stop := make(chan struct{})
	defer close(stop)
	for p := range partitions {
		pc, err := consumer.ConsumePartition(topic, p, sarama.OffsetOldest)
		c.Must(err, "consume partition %d", p)
		defer pc.AsyncClose()
		go func() {
			for m := range pc.Messages() {
				select {
				case all <- m:
				case <-stop:
				}
			}
		}()
	}
	got := map[int32][]*sarama.ConsumerMessage{}
	for n := range count {
		select {
		case m := <-all:
			got[m.Partition] = append(got[m.Partition], m)
		case <-c.Done():
			c.Fatalf("read %d of %d records of %s", n, count, topic)
		}
	}
	select {
	case m := <-all:
		c.Fatalf("more than %d records in %s: partition %d has offset %d", count, topic, m.Partition, m.Offset)
	case <-time.After(50 * time.Millisecond):
	}
	return got
}

// send sends records in one go and waits for all answers.
func send(c c, cfg *sarama.Config, records []*sarama.ProducerMessage) error {
	producer, err := sarama.NewSyncProducer([]string{gocheck.Bootstrap()}, cfg)
	c.Must(err, "connect a producer")
	defer producer.Close()
	err = producer.SendMessages(records)
	if failed, ok := errors.AsType[sarama.ProducerErrors](err); ok {
		return failed[0].Err
	}
	return err
}
