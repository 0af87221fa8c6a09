package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// The codes that mean "ask again": a coordinator that moves or loads, a transaction that is just ending.
const (
	coordinatorLoadInProgress = 14
	coordinatorNotAvailable   = 15
	notCoordinator            = 16
	concurrentTransactions    = 51
	transactionalIDNotFound   = 105
)

// TransactionListing is a transactional id as a list shows it.
type TransactionListing struct {
	ID          string
	Coordinator int32
	ProducerID  int64
	State       string
}

// TransactionQuery limits ListTransactions; what is empty limits nothing.
type TransactionQuery struct {
	ProducerIDs    []int64
	States         []string
	LongerThanMs   *int64
	TransactionIDs *string // a regular expression
}

func (q TransactionQuery) request() *kmsg.ListTransactionsRequest {
	req := kmsg.NewPtrListTransactionsRequest()
	req.ProducerIDFilters, req.StateFilters = q.ProducerIDs, q.States
	req.DurationFilterMillis = -1
	if q.LongerThanMs != nil {
		req.DurationFilterMillis = *q.LongerThanMs
	}
	if q.TransactionIDs != nil && *q.TransactionIDs != "" {
		req.TransactionalIDPattern = q.TransactionIDs
	}
	return req
}

// ListTransactions lists the transactional ids of all brokers, in the order of the brokers' ids and of their answers.
func ListTransactions(ctx context.Context, c *tool.Client, q TransactionQuery) ([]TransactionListing, error) {
	const call = "listTransactions(api=METADATA)"
	brokers, err := callBrokers(ctx, c, call)
	if err != nil {
		return nil, err
	}
	var list []TransactionListing
	for _, b := range brokers {
		resp, err := askAgain(ctx, c, call, func(ctx context.Context) (*kmsg.ListTransactionsResponse, int16, error) {
			resp, err := tool.CallBroker[*kmsg.ListTransactionsResponse](ctx, c, "listTransactions(api=LIST_TRANSACTIONS)", b.ID, q.request())
			if err != nil || resp.ErrorCode != coordinatorLoadInProgress {
				return resp, 0, err
			}
			return resp, resp.ErrorCode, nil
		})
		switch {
		case err != nil:
			return nil, err
		case resp.ErrorCode == coordinatorNotAvailable:
			return nil, answered(resp.ErrorCode, "ListTransactions request sent to broker %d failed because the coordinator is shutting down", b.ID)
		case resp.ErrorCode != 0:
			return nil, answered(resp.ErrorCode, "ListTransactions request sent to broker %d failed with an unexpected exception", b.ID)
		}
		for _, t := range resp.TransactionStates {
			list = append(list, TransactionListing{t.TransactionalID, b.ID, t.ProducerID, t.TransactionState})
		}
	}
	return list, nil
}

// callBrokers lists the brokers as a step of another call.
func callBrokers(ctx context.Context, c *tool.Client, call string) ([]Node, error) {
	nodes, err := Brokers(ctx, c)
	var timeout *tool.TimeoutError
	if errors.As(err, &timeout) {
		timeout.Call = call
	}
	return nodes, err
}

// answered is a broker's error in the words that Kafka's admin client has for it.
func answered(code int16, format string, args ...any) error {
	return &tool.BrokerError{Code: code, Message: tool.Errorf(format, args...).Error()}
}

// askAgain repeats a question while its answer has a code that asks for that, and at most as long as a call may take.
func askAgain[R any](ctx context.Context, c *tool.Client, call string, ask func(context.Context) (answer R, again int16, err error)) (R, error) {
	bounded, cancel := c.Bounded(ctx)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		answer, again, err := ask(bounded)
		if err != nil && bounded.Err() != nil && ctx.Err() == nil {
			return answer, &tool.TimeoutError{Call: call}
		}
		if err != nil || again == 0 {
			return answer, err
		}
		select {
		case <-time.After(wait):
		case <-bounded.Done():
			if ctx.Err() != nil {
				return answer, ctx.Err()
			}
			return answer, &tool.TimeoutError{Call: call}
		}
	}
}

// TransactionDescription is a transactional id as its coordinator knows it.
type TransactionDescription struct {
	ID            string
	Coordinator   int32
	State         string
	ProducerID    int64
	ProducerEpoch int16
	TimeoutMs     int32
	StartMs       int64            // -1: no transaction is open
	Partitions    []TopicPartition // sorted
}

// IsUnknownTransaction tells whether an error says that no coordinator knows a transactional id.
func IsUnknownTransaction(err error) bool { return tool.CodeOf(err) == transactionalIDNotFound }

// DescribeTransaction asks the coordinator of a transactional id about it.
func DescribeTransaction(ctx context.Context, c *tool.Client, id string) (TransactionDescription, error) {
	const call = "describeTransactions(api=FIND_COORDINATOR)"
	return askAgain(ctx, c, call, func(ctx context.Context) (TransactionDescription, int16, error) {
		coordinator, again, err := transactionCoordinator(ctx, c, call, id)
		if err != nil || again != 0 {
			return TransactionDescription{}, again, err
		}
		req := kmsg.NewPtrDescribeTransactionsRequest()
		req.TransactionalIDs = []string{id}
		resp, err := tool.CallBroker[*kmsg.DescribeTransactionsResponse](ctx, c, "describeTransactions(api=DESCRIBE_TRANSACTIONS)", coordinator, req)
		if err != nil {
			return TransactionDescription{}, 0, err
		}
		for _, t := range resp.TransactionStates {
			if t.TransactionalID != id {
				continue
			}
			if coordinatorMoves(t.ErrorCode) {
				return TransactionDescription{}, t.ErrorCode, nil
			}
			return describedTransaction(coordinator, t), 0, describeTransactionError(t)
		}
		return TransactionDescription{}, 0, tool.Errorf("The coordinator did not answer for transactionalId `%s`", id)
	})
}

func coordinatorMoves(code int16) bool {
	return code == coordinatorLoadInProgress || code == coordinatorNotAvailable || code == notCoordinator
}

func describeTransactionError(t kmsg.DescribeTransactionsResponseTransactionState) error {
	reason := "due to unexpected error"
	switch t.ErrorCode {
	case 0:
		return nil
	case transactionalIDNotFound:
		reason = "because the ID could not be found"
	case transactionalIDAuthorizationFailed:
		reason = "due to authorization failure"
	}
	return answered(t.ErrorCode, "DescribeTransactions request for transactionalId `%s` failed %s", t.TransactionalID, reason)
}

func describedTransaction(coordinator int32, t kmsg.DescribeTransactionsResponseTransactionState) TransactionDescription {
	d := TransactionDescription{
		ID: t.TransactionalID, Coordinator: coordinator, State: t.State, ProducerID: t.ProducerID, ProducerEpoch: t.ProducerEpoch,
		TimeoutMs: t.TimeoutMillis, StartMs: max(t.StartTimestamp, -1),
	}
	for _, topic := range t.Topics {
		for _, p := range topic.Partitions {
			d.Partitions = append(d.Partitions, TopicPartition{topic.Topic, p})
		}
	}
	slices.SortFunc(d.Partitions, TopicPartition.Compare)
	return d
}

// transactionCoordinator finds the broker that coordinates a transactional id; again is the code of an answer that asks for patience.
func transactionCoordinator(ctx context.Context, c *tool.Client, call, id string) (broker int32, again int16, err error) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorType = 1
	req.CoordinatorKey = id // up to version 3
	req.CoordinatorKeys = []string{id}
	resp, err := tool.Call[*kmsg.FindCoordinatorResponse](ctx, c, call, req)
	if err != nil {
		return 0, 0, err
	}
	broker, code, message := resp.NodeID, resp.ErrorCode, resp.ErrorMessage
	if len(resp.Coordinators) > 0 {
		f := resp.Coordinators[0]
		broker, code, message = f.NodeID, f.ErrorCode, f.ErrorMessage
	}
	if coordinatorMoves(code) {
		return 0, code, nil
	}
	return broker, 0, tool.CodeError(code, message)
}

// The codes of refused rights.
const (
	topicAuthorizationFailed           = 29
	clusterAuthorizationFailed         = 31
	transactionalIDAuthorizationFailed = 53
)

// FenceProducer has the coordinator give a transactional id's producer a new epoch: the one that runs is fenced, and its transaction aborted.
func FenceProducer(ctx context.Context, c *tool.Client, id string) error {
	const call = "fenceProducer(api=FIND_COORDINATOR)"
	_, err := askAgain(ctx, c, call, func(ctx context.Context) (struct{}, int16, error) {
		coordinator, again, err := transactionCoordinator(ctx, c, call, id)
		if err != nil || again != 0 {
			return struct{}{}, again, err
		}
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = &id
		req.TransactionTimeoutMillis = int32(min(c.APITimeout, 30*time.Second).Milliseconds())
		req.ProducerID, req.ProducerEpoch = -1, -1
		resp, err := tool.CallBroker[*kmsg.InitProducerIDResponse](ctx, c, "fenceProducer(api=INIT_PRODUCER_ID)", coordinator, req)
		if err != nil {
			return struct{}{}, 0, err
		}
		if coordinatorMoves(resp.ErrorCode) || resp.ErrorCode == concurrentTransactions {
			return struct{}{}, resp.ErrorCode, nil
		}
		return struct{}{}, 0, fenceError(id, resp.ErrorCode)
	})
	return err
}

func fenceError(id string, code int16) error {
	reason := "unexpected error"
	switch code {
	case 0:
		return nil
	case clusterAuthorizationFailed:
		reason = "cluster authorization failure"
	case transactionalIDAuthorizationFailed:
		reason = "transactional ID authorization failure"
	}
	return answered(code, "InitProducerId request for transactionalId `%s` failed due to %s", id, reason)
}
