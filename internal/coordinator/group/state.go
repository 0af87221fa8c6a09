package group

// State is where a group stands in its life.
type State uint8

// The states of a group, in Kafka's words.
const (
	Empty               State = iota // no members; there may be offsets
	PreparingRebalance               // waiting for members to (re)join
	CompletingRebalance              // waiting for the leader's assignment
	Stable                           // every member may have its assignment
	Dead                             // unloaded
)

var stateNames = [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}

// String returns the name that clients see.
func (s State) String() string { return stateNames[s] }

// follows reports whether a group may go from the state previous to s.
func (s State) follows(previous State) bool {
	switch s {
	case Empty, CompletingRebalance:
		return previous == PreparingRebalance
	case PreparingRebalance:
		return previous == Stable || previous == CompletingRebalance || previous == Empty
	case Stable:
		return previous == CompletingRebalance
	default:
		return true
	}
}
