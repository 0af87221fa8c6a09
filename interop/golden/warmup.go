package golden

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// restart has the broker started again and waits until it has taken up its groups and transactions.
func (p *player) restart(ctx context.Context) error {
	if !p.script.Own {
		return errors.New("restart: the script shares its broker; give it one with broker {}")
	}
	if p.target.Restart == nil {
		return errors.New("restart: this broker cannot be started again")
	}
	for name, c := range p.connections {
		c.conn.Close()
		delete(p.connections, name)
	}
	if err := p.target.Restart(ctx); err != nil {
		return err
	}
	if err := warmUp(ctx, p.target); err != nil {
		return err
	}
	if p.script.usesTransactions() {
		return warmUpTransactions(ctx, p.target)
	}
	return nil
}

// The coordinators take up their topic's partitions one by one. So many groups or transactional ids that each partition has some tell when
// they have all.
const warmUpNames = 1000

// warmUp makes the broker create __consumer_offsets and load it, so that scripts about groups need not wait for it.
func warmUp(ctx context.Context, target *Target) error {
	p, done := setupPlayer(target)
	defer done()
	if err := p.findCoordinator(ctx, 0); err != nil {
		return err
	}
	if err := p.takeProducerID(ctx); err != nil {
		return err
	}
	describe := kmsg.NewPtrDescribeGroupsRequest()
	for n := range warmUpNames {
		describe.Groups = append(describe.Groups, fmt.Sprintf("golden-warm-up-%d", n))
	}
	return p.poll(ctx, "loading of __consumer_offsets", func() error {
		answer, err := p.ask(describe, 4)
		if err != nil {
			return err
		}
		for _, g := range answer.(*kmsg.DescribeGroupsResponse).Groups {
			if g.ErrorCode != 0 {
				return kerr.ErrorForCode(g.ErrorCode)
			}
		}
		return nil
	})
}

// warmUpTransactions does for __transaction_state what warmUp does for __consumer_offsets.
func warmUpTransactions(ctx context.Context, target *Target) error {
	p, done := setupPlayer(target)
	defer done()
	if err := p.findCoordinator(ctx, 1); err != nil {
		return err
	}
	describe := kmsg.NewPtrDescribeTransactionsRequest()
	for n := range warmUpNames {
		describe.TransactionalIDs = append(describe.TransactionalIDs, fmt.Sprintf("golden-warm-up-%d", n))
	}
	return p.poll(ctx, "loading of __transaction_state", func() error {
		answer, err := p.ask(describe, 0)
		if err != nil {
			return err
		}
		for _, s := range answer.(*kmsg.DescribeTransactionsResponse).TransactionStates {
			if s.ErrorCode != kerr.TransactionalIDNotFound.Code {
				return kerr.ErrorForCode(s.ErrorCode)
			}
		}
		return nil
	})
}

// takeProducerID takes the id 0, which in answers could not be told from none.
func (p *player) takeProducerID(ctx context.Context) error {
	take := kmsg.NewPtrInitProducerIDRequest()
	take.TransactionTimeoutMillis = 60_000
	return p.poll(ctx, "a producer id", func() error {
		answer, err := p.ask(take, 4)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(answer.(*kmsg.InitProducerIDResponse).ErrorCode)
	})
}

func setupPlayer(target *Target) (p *player, done func()) {
	p = &player{target: target, script: &Script{}, connections: map[string]*connection{}, variables: map[string]any{}}
	p.normalizer = newNormalizer(target)
	return p, func() {
		for _, c := range p.connections {
			c.conn.Close()
		}
	}
}

// findCoordinator asks for the coordinator of groups (0) or transactions (1) until there is one.
func (p *player) findCoordinator(ctx context.Context, kind int8) error {
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey, find.CoordinatorType = "golden-warm-up", kind
	return p.poll(ctx, fmt.Sprintf("the coordinator of type %d", kind), func() error {
		answer, err := p.ask(find, 2)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(answer.(*kmsg.FindCoordinatorResponse).ErrorCode)
	})
}

// transactionAPIs need a transaction coordinator; InitProducerId does with a transactional id only.
var transactionAPIs = map[string]bool{
	"AddPartitionsToTxn": true, "AddOffsetsToTxn": true, "EndTxn": true, "TxnOffsetCommit": true,
	"ListTransactions": true, "DescribeTransactions": true,
}

// usesTransactions tells whether a script speaks with the transaction coordinator.
func (s *Script) usesTransactions() bool { return anyTransaction(s.statements) }

func anyTransaction(list []statement) bool {
	for _, st := range list {
		found := false
		switch st := st.(type) {
		case *loop:
			found = anyTransaction(st.body)
		case *define:
			found = anyTransaction(st.body)
		case *request:
			id, given := st.body.Get("TransactionalID")
			found = transactionAPIs[st.api] || given && id != "" && st.api == "InitProducerId"
		}
		if found {
			return true
		}
	}
	return false
}
