package machine

import "ottla.dev/ottla/internal/protocol"

// ResponseCode turns the reason why an operation failed into what a client of a coordinator is told. Clients know
// the errors of the log only from Produce; from a coordinator they expect one of its own, which makes them retry or
// look for the coordinator again.
func ResponseCode(err error) protocol.Code {
	switch code := protocol.CodeOf(err); code {
	case protocol.UnknownTopicOrPartition, protocol.NotEnoughReplicas,
		protocol.RequestTimedOut:
		return protocol.CoordinatorNotAvailable
	case protocol.NotLeaderOrFollower, protocol.KafkaStorageError:
		return protocol.NotCoordinator
	case protocol.MessageTooLarge, protocol.RecordListTooLarge, protocol.InvalidFetchSize:
		return protocol.UnknownServerError
	case protocol.NetworkException:
		return protocol.CoordinatorLoadInProgress
	default:
		return code
	}
}
