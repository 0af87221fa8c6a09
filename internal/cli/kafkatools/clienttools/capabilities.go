package clienttools

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// askTimeout bounds a question whose answer only improves an error.
const askTimeout = 10 * time.Second

// checkGroupProtocol refuses group.protocol=consumer where the cluster lacks it, as the Java consumer does. The Go client would
// silently use the classic protocol. A cluster that gives no answer is left to the client to complain about.
func checkGroupProtocol(ctx context.Context, client *kgo.Client, wanted bool) error {
	if !wanted {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "ottla", "tools"
	resp, err := req.RequestWith(limited, client)
	if err != nil {
		return nil
	}
	heartbeat := kmsg.NewConsumerGroupHeartbeatRequest()
	for _, key := range resp.ApiKeys {
		if key.ApiKey == heartbeat.Key() {
			return nil
		}
	}
	return exceptionf(classUnsupportedVersion, "The cluster does not support the new CONSUMER group protocol. Set group.protocol=classic on the "+
		"consumer configs to revert to the CLASSIC protocol until the cluster is upgraded.")
}

// initTransactions gets the producer its id for transactions, within max.block.ms.
func (s *sender) initTransactions(ctx context.Context) error {
	if !s.settings.transactional {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, s.settings.maxBlock)
	defer cancel()
	_, _, err := s.client.ProducerID(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errInterrupted
	case limited.Err() != nil:
		return exceptionf(classTimeout, "Timeout expired after %dms while awaiting InitProducerId", s.settings.maxBlock.Milliseconds())
	}
	return err
}
