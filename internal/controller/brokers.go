package controller

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// RegisterBroker decides about a BrokerRegistration request. A new incarnation gets a new epoch and is fenced until its
// heartbeats say that it is ready; one that registers again keeps its epoch and its state.
func RegisterBroker(_ Env, img *metadata.Image, req *kmsg.BrokerRegistrationRequest) (Result[*kmsg.BrokerRegistrationResponse], error) {
	resp := req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
	result := Result[*kmsg.BrokerRegistrationResponse]{Response: resp}
	if err := checkRegistration(img, req); err != nil {
		return result, err
	}
	b := metadata.Broker{
		ID: req.BrokerID, IncarnationID: req.IncarnationID, Rack: req.Rack, Fenced: true,
		Epoch:    img.Revision + 1,
		Features: map[string]metadata.FeatureRange{},
	}
	for _, l := range req.Listeners {
		b.Endpoints = append(b.Endpoints, metadata.Endpoint{Name: l.Name, Host: l.Host, Port: int32(l.Port), SecurityProtocol: l.SecurityProtocol})
	}
	for _, f := range req.Features {
		b.Features[f.Name] = metadata.FeatureRange{Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion}
	}
	for _, d := range req.LogDirs {
		b.LogDirs = append(b.LogDirs, d)
	}
	slices.SortFunc(b.LogDirs, func(x, y metadata.UUID) int { return slices.Compare(x[:], y[:]) })
	switch old := img.Brokers[req.BrokerID]; {
	case old == nil:
	case old.IncarnationID != b.IncarnationID:
		b.Epoch = max(b.Epoch, old.Epoch+1) // rises also among the requests of one revision
	default:
		b.Epoch, b.Fenced, b.InControlledShutdown = old.Epoch, old.Fenced, old.InControlledShutdown
	}
	resp.BrokerEpoch = b.Epoch
	result.Records = []metadata.Record{metadata.RegisterBrokerRecord{Broker: b}}
	return result, nil
}

func checkRegistration(img *metadata.Image, req *kmsg.BrokerRegistrationRequest) error {
	if req.ClusterID != img.ClusterID {
		return protocol.Errorf(protocol.InconsistentClusterID, "Expected cluster ID %s, but got cluster ID %s", img.ClusterID, req.ClusterID)
	}
	if present, ok := img.Present[req.BrokerID]; ok && present != req.IncarnationID {
		return protocol.Errorf(protocol.DuplicateBrokerRegistration, "Another broker is registered with that broker id. If the broker was recently restarted this should self-resolve once its lease has ended.")
	}
	if req.IsMigratingZkBroker {
		return protocol.Errorf(protocol.BrokerIDNotRegistered, "Controller does not support registering ZK brokers.")
	}
	if err := checkLogDirs(img, req); err != nil {
		return err
	}
	supported := map[string]metadata.FeatureRange{}
	for _, f := range req.Features {
		supported[f.Name] = metadata.FeatureRange{Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion}
	}
	if _, ok := supported[metadata.MetadataVersion]; !ok {
		return protocol.Errorf(protocol.InvalidRegistration, "Request features do not contain 'metadata.version'")
	}
	for name, level := range img.Features {
		if r := supported[name]; level < r.Min || level > r.Max {
			return protocol.Errorf(protocol.UnsupportedVersion, "Unable to register because the broker does not support finalized version %d of %s. The broker wants a version between %d and %d, inclusive.", level, name, r.Min, r.Max)
		}
	}
	return nil
}

func checkLogDirs(img *metadata.Image, req *kmsg.BrokerRegistrationRequest) error {
	if len(req.LogDirs) == 0 {
		return protocol.Errorf(protocol.InvalidRegistration, "No directories specified in request")
	}
	seen := map[metadata.UUID]bool{}
	for _, d := range req.LogDirs {
		dir := metadata.UUID(d)
		switch {
		case dir.Reserved():
			return protocol.Errorf(protocol.InvalidRegistration, "Reserved directory ID in request")
		case seen[dir]:
			return protocol.Errorf(protocol.InvalidRegistration, "Duplicate directory ID in request")
		}
		seen[dir] = true
	}
	for _, id := range img.BrokerIDs() {
		if id == req.BrokerID {
			continue
		}
		for _, dir := range img.Brokers[id].LogDirs {
			if seen[dir] {
				return protocol.Errorf(protocol.InvalidRegistration, "Broker %d is already registered with directory %s", id, dir)
			}
		}
	}
	return nil
}

// checkBrokerEpoch refuses what a broker asks for that has been registered anew since.
func checkBrokerEpoch(img *metadata.Image, id int32, epoch int64) error {
	b := img.Brokers[id]
	if b == nil {
		return protocol.Errorf(protocol.StaleBrokerEpoch, "No broker registration found for broker id %d", id)
	}
	if b.Epoch != epoch {
		return protocol.Errorf(protocol.StaleBrokerEpoch, "Expected broker epoch %d, but got broker epoch %d", b.Epoch, epoch)
	}
	return nil
}

// checkBrokerExists checks the resource name of a broker's configs; "" stands for all brokers.
func checkBrokerExists(img *metadata.Image, name string) error {
	if name == "" {
		return nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return protocol.Errorf(protocol.InvalidRequest, "Invalid broker name %s", name)
	}
	if img.Brokers[int32(id)] == nil {
		return protocol.Errorf(protocol.BrokerIDNotRegistered, "No node with id %d found.", id)
	}
	return nil
}
