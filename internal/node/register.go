package node

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// register tells the controller where clients reach this broker.
func (n *Node) register(ctx context.Context) error {
	s := n.live.Snapshot()
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.SetVersion(req.MaxVersion())
	req.BrokerID, req.ClusterID, req.IncarnationID = s.NodeID(), n.clusterID, n.incarnation
	if !s.IsNull("broker.rack") {
		rack := s.String("broker.rack")
		req.Rack = &rack
	}
	for _, f := range metadata.Features() {
		feature := kmsg.NewBrokerRegistrationRequestFeature()
		feature.Name, feature.MinSupportedVersion, feature.MaxSupportedVersion = f.Name, f.Range.Min, f.Range.Max
		req.Features = append(req.Features, feature)
	}
	req.Listeners = n.endpoints()
	for _, id := range n.logs.DirectoryIDs() {
		req.LogDirs = append(req.LogDirs, id)
	}
	slices.SortFunc(req.LogDirs, func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) })
	resp := n.controller.RegisterBroker(ctx, req)
	if resp.ErrorCode != 0 {
		return fmt.Errorf("the controller refused the registration of broker %d: %w", s.NodeID(), protocol.Code(resp.ErrorCode))
	}
	return nil
}

// warnOfUnknownLogs names the logs of topics that the metadata does not have. They are left alone: nothing is deleted that nobody asked to
// delete.
func (n *Node) warnOfUnknownLogs() {
	img := n.controller.Image()
	for _, log := range n.logs.All() {
		tp := log.TopicPartition()
		if img.Partition(tp.Topic, tp.Partition) == nil {
			n.logger.Warn("a partition on disk belongs to no topic of the cluster; it is not served, and not removed", "partition", tp.String(), "dir", log.Dir())
		}
	}
}

// endpoints are the advertised listeners. A listener on port 0 advertises the port that it got, and one on all addresses without an
// advertised one leaves the host open: clients are told the address that they reached.
func (n *Node) endpoints() []kmsg.BrokerRegistrationRequestListener {
	s := n.live.Snapshot()
	advertised := s.AdvertisedListeners()
	var out []kmsg.BrokerRegistrationRequestListener
	for _, open := range n.server.Listeners() {
		l := kmsg.NewBrokerRegistrationRequestListener()
		l.Name, l.Host, l.Port = open.Name, open.Host, uint16(open.Port)
		if s.IsSet("advertised.listeners") {
			for _, a := range advertised {
				if a.Name == open.Name {
					l.Host = a.Host
					if a.Port != 0 {
						l.Port = uint16(a.Port)
					}
				}
			}
		}
		out = append(out, l)
	}
	return out
}

func (n *Node) heartbeat(ctx context.Context, fence, shutDown bool) error {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.SetVersion(req.MaxVersion())
	img := n.controller.Image()
	b := img.Brokers[n.options.Config.NodeID()]
	if b == nil {
		return fmt.Errorf("broker %d is not registered", n.options.Config.NodeID())
	}
	req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset, req.WantFence, req.WantShutdown = b.ID, b.Epoch, img.Revision, fence, shutDown
	if resp := n.controller.BrokerHeartbeat(ctx, req); resp.ErrorCode != 0 {
		return protocol.Code(resp.ErrorCode)
	}
	return nil
}

// unfence has clients sent to this broker.
func (n *Node) unfence(ctx context.Context) error {
	if err := n.heartbeat(ctx, false, false); err != nil {
		return fmt.Errorf("the controller keeps broker %d fenced: %w", n.options.Config.NodeID(), err)
	}
	return nil
}

// leave takes the broker out of service before it stops.
func (n *Node) leave(ctx context.Context) {
	if n.stopWatch == nil {
		return
	}
	if err := n.heartbeat(ctx, true, true); err != nil {
		n.logger.Warn("could not tell the controller that this broker stops", "error", err)
	}
}
