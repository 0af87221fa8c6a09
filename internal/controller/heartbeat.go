package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
)

// BrokerHeartbeat decides about a BrokerHeartbeat request: a fenced broker that has caught up is unfenced, and one that
// wants to be fenced or to go is. A broker that is unfenced becomes the leader, in a new epoch, of the partitions that
// only it can lead, so that clients notice if its log is shorter than it was before.
func BrokerHeartbeat(_ Env, img *metadata.Image, req *kmsg.BrokerHeartbeatRequest) (Result[*kmsg.BrokerHeartbeatResponse], error) {
	resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
	result := Result[*kmsg.BrokerHeartbeatResponse]{Response: resp}
	if err := checkBrokerEpoch(img, req.BrokerID, req.BrokerEpoch); err != nil {
		return result, err
	}
	b := img.Brokers[req.BrokerID]
	resp.IsCaughtUp = req.CurrentMetadataOffset >= b.Epoch
	resp.IsFenced = b.Fenced
	switch {
	case req.WantShutdown:
		resp.ShouldShutdown, resp.IsFenced = true, true
	case req.WantFence:
		resp.IsFenced = true
	case resp.IsCaughtUp:
		resp.IsFenced = false
	}
	if resp.IsFenced != b.Fenced {
		fenced := resp.IsFenced
		result.Records = append(result.Records, metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: &fenced})
		if !fenced {
			result.Records = append(result.Records, leadAgain(img, b.ID)...)
		}
	}
	return result, nil
}

// leadAgain makes a broker the leader of each partition that it led before or that has no leader, as far as its replica
// is in sync.
func leadAgain(img *metadata.Image, id int32) []metadata.Record {
	var records []metadata.Record
	for t := range img.Topics() {
		for i, p := range t.Partitions {
			if (p.Leader == id || p.Leader == metadata.NoLeader) && p.InSync(id) {
				records = append(records, metadata.PartitionChangeRecord{TopicID: t.ID, PartitionID: int32(i), Leader: &id})
			}
		}
	}
	return records
}
