package golden

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topic makes a topic for a script and waits until every partition answers ListOffsets: the answer to CreateTopics comes before the
// partitions are there, and a script should not have to say so each time.
func (p *player) topic(ctx context.Context, t *topic) error {
	name, err := p.evaluate(t.name)
	if err != nil {
		return err
	}
	text, ok := name.(string)
	if !ok {
		return fmt.Errorf("a topic's name cannot be %s", format(name))
	}
	settings, err := p.evaluate(t.settings)
	if err != nil {
		return err
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.TimeoutMillis = 10_000
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic = text
	r := &fieldReader{object: settings.(*Object), used: map[string]bool{}}
	one.NumPartitions = int32(r.number("partitions", 1))
	one.ReplicationFactor = 1
	if configs, ok := r.get("configs"); ok {
		o, isObject := configs.(*Object)
		if !isObject {
			return errors.New("configs wants an object")
		}
		for _, f := range o.Fields {
			value, err := scalarText(f.Value)
			if err != nil {
				return err
			}
			one.Configs = append(one.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: f.Name, Value: &value})
		}
	}
	if err := r.finish(); err != nil {
		return err
	}
	create.Topics = append(create.Topics, one)
	answer, err := p.ask(create, 7)
	if err != nil {
		return err
	}
	created := answer.(*kmsg.CreateTopicsResponse).Topics
	if len(created) != 1 || created[0].ErrorCode != 0 {
		return fmt.Errorf("topic %s: %w", text, kerr.ErrorForCode(created[0].ErrorCode))
	}
	if t.idVariable != "" {
		p.variables[t.idVariable] = formatID(created[0].TopicID)
		p.normalizer.name(t.idVariable, "TopicID", formatID(created[0].TopicID))
	}
	return p.waitServing(ctx, text, one.NumPartitions)
}

func (p *player) waitServing(ctx context.Context, topic string, partitions int32) error {
	list := kmsg.NewPtrListOffsetsRequest()
	one := kmsg.NewListOffsetsRequestTopic()
	one.Topic = topic
	for n := range partitions {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = n, -1
		one.Partitions = append(one.Partitions, part)
	}
	list.Topics = append(list.Topics, one)
	return p.poll(ctx, "partitions of "+topic, func() error {
		answer, err := p.ask(list, 7)
		if err != nil {
			return err
		}
		for _, t := range answer.(*kmsg.ListOffsetsResponse).Topics {
			for _, part := range t.Partitions {
				if part.ErrorCode != 0 {
					return kerr.ErrorForCode(part.ErrorCode)
				}
			}
		}
		return nil
	})
}

// poll repeats a question until it is answered without a Kafka error. A broker that has only just begun to listen may hang up.
func (p *player) poll(ctx context.Context, what string, ask func() error) error {
	deadline := time.Now().Add(pollPatience)
	for {
		err := ask()
		var kafka *kerr.Error
		if err == nil || !errors.As(err, &kafka) && !errors.Is(err, errClosed) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

// ask sends one request on the connection that only the runner uses.
func (p *player) ask(request kmsg.Request, version int16) (kmsg.Response, error) {
	c, err := p.connect("the runner's")
	if err != nil {
		return nil, err
	}
	request.SetVersion(version)
	p.correlation++
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("golden-setup")).AppendRequest(nil, request, p.correlation)
	b, err := receive(c.send(frame, true))
	if err != nil {
		return nil, err
	}
	if len(b) < 5 {
		return nil, fmt.Errorf("an answer of %d bytes", len(b))
	}
	response := request.ResponseKind()
	body := b[4:]
	if response.IsFlexible() {
		body = body[1:]
	}
	return response, response.ReadFrom(body)
}
