package api

// Names of the topics in which the coordinators keep their state.
const (
	offsetsTopic          = "__consumer_offsets"
	transactionStateTopic = "__transaction_state"
	shareStateTopic       = "__share_group_state"
)

// isInternal tells whether a topic belongs to the broker: clients may read it, and not write to it.
func isInternal(topic string) bool {
	return topic == offsetsTopic || topic == transactionStateTopic || topic == shareStateTopic
}
