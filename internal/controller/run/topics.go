package run

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// defaultTimeout is for requests that do not say how long they wait.
const defaultTimeout = 30 * time.Second

// withTimeout returns the context of a request that waits for ms. One that does not wait at all times out before it is
// decided about, as in Kafka.
func withTimeout(ctx context.Context, ms int32) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(max(ms, 0))*time.Millisecond)
}

// CreateTopics answers CreateTopics.
func (r *Run) CreateTopics(ctx context.Context, caller controller.Caller, req *kmsg.CreateTopicsRequest) *kmsg.CreateTopicsResponse {
	ctx, cancel := withTimeout(ctx, req.TimeoutMillis)
	defer cancel()
	resp, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.CreateTopicsResponse], error) {
		return controller.CreateTopics(env, img, caller, req)
	})
	if err != nil {
		resp = req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, t := range req.Topics {
			one := kmsg.NewCreateTopicsResponseTopic()
			one.Topic = t.Topic
			one.ErrorCode, one.ErrorMessage = codeAndMessage(err)
			resp.Topics = append(resp.Topics, one)
		}
	}
	return resp
}

// DeleteTopics answers DeleteTopics.
func (r *Run) DeleteTopics(ctx context.Context, caller controller.Caller, req *kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsResponse {
	ctx, cancel := withTimeout(ctx, req.TimeoutMillis)
	defer cancel()
	resp, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.DeleteTopicsResponse], error) {
		return controller.DeleteTopics(env, img, caller, req)
	})
	if err != nil { // without a message, as Kafka does here
		resp = req.ResponseKind().(*kmsg.DeleteTopicsResponse)
		for _, name := range req.TopicNames {
			resp.Topics = append(resp.Topics, kmsg.DeleteTopicsResponseTopic{Topic: &name, ErrorCode: int16(protocol.CodeOf(err))})
		}
		for _, t := range req.Topics {
			resp.Topics = append(resp.Topics, kmsg.DeleteTopicsResponseTopic{Topic: t.Topic, TopicID: t.TopicID, ErrorCode: int16(protocol.CodeOf(err))})
		}
	}
	return resp
}

// CreatePartitions answers CreatePartitions.
func (r *Run) CreatePartitions(ctx context.Context, caller controller.Caller, req *kmsg.CreatePartitionsRequest) *kmsg.CreatePartitionsResponse {
	ctx, cancel := withTimeout(ctx, req.TimeoutMillis)
	defer cancel()
	resp, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.CreatePartitionsResponse], error) {
		return controller.CreatePartitions(env, img, caller, req)
	})
	if err != nil {
		resp = req.ResponseKind().(*kmsg.CreatePartitionsResponse)
		for _, t := range req.Topics {
			one := kmsg.NewCreatePartitionsResponseTopic()
			one.Topic = t.Topic
			one.ErrorCode, one.ErrorMessage = codeAndMessage(err)
			resp.Topics = append(resp.Topics, one)
		}
	}
	return resp
}

// ask has the controller decide with one of package controller's functions.
func ask[Response any](ctx context.Context, r *Run, decide func(controller.Env, *metadata.Image) (controller.Result[Response], error)) (Response, error) {
	var result controller.Result[Response]
	err := r.do(ctx, func(env controller.Env, img *metadata.Image) (records []metadata.Record, err error) {
		result, err = decide(env, img)
		return result.Records, err
	})
	if err != nil {
		var none Response
		return none, err
	}
	return result.Response, nil
}

func codeAndMessage(err error) (int16, *string) {
	return int16(protocol.CodeOf(err)), protocol.MessageOf(err)
}
