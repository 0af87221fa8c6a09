package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// The texts that Kafka gives where it has nothing else to say.
var (
	errUnknownTopic   = protocol.Errorf(protocol.UnknownTopicOrPartition, "This server does not host this topic-partition.")
	errUnknownTopicID = protocol.Errorf(protocol.UnknownTopicID, "This server does not host this topic ID.")
)

// DeleteTopics decides about a DeleteTopics request (versions 1 to 6): by name, and from version 6 on also by id.
func DeleteTopics(env Env, img *metadata.Image, _ Caller, req *kmsg.DeleteTopicsRequest) (Result[*kmsg.DeleteTopicsResponse], error) {
	resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	result := Result[*kmsg.DeleteTopicsResponse]{Response: resp}
	if !env.Config.Bool("delete.topic.enable") {
		if req.Version < 3 {
			return result, protocol.Errorf(protocol.InvalidRequest, "This version does not support topic deletion.")
		}
		return result, protocol.TopicDeletionDisabled
	}
	d := deletion{
		img: img, names: map[string]int{}, ids: map[metadata.UUID]int{}, takenIDs: map[metadata.UUID]bool{},
		doneNames: map[string]bool{}, doneIDs: map[metadata.UUID]bool{},
	}
	d.count(req)
	for _, name := range req.TopicNames {
		d.byName(name)
	}
	for _, t := range req.Topics {
		d.byEither(t)
	}
	resp.Topics = d.answers
	if len(d.records) > maxRecords {
		return result, errTooManyRecords
	}
	result.Records = d.records
	return result, nil
}

// deletion is one DeleteTopics request in work. Each name and each id is answered once, however often it is given.
type deletion struct {
	img       *metadata.Image
	names     map[string]int // how often each is given
	ids       map[metadata.UUID]int
	takenIDs  map[metadata.UUID]bool // ids of topics that are given by id
	doneNames map[string]bool
	doneIDs   map[metadata.UUID]bool
	answers   []kmsg.DeleteTopicsResponseTopic
	records   []metadata.Record
}

func (d *deletion) count(req *kmsg.DeleteTopicsRequest) {
	for _, name := range req.TopicNames {
		d.names[name]++
	}
	for _, t := range req.Topics {
		switch id := metadata.UUID(t.TopicID); {
		case t.Topic != nil && id.IsZero():
			d.names[*t.Topic]++
		case t.Topic == nil && !id.IsZero():
			d.ids[id]++
			if known := d.img.TopicByID(id); known != nil {
				d.takenIDs[id] = true
			}
		}
	}
}

func (d *deletion) byEither(t kmsg.DeleteTopicsRequestTopic) {
	id := metadata.UUID(t.TopicID)
	switch {
	case t.Topic == nil && id.IsZero():
		d.answer(nil, id, protocol.Errorf(protocol.InvalidRequest, "Neither topic name nor id were specified."))
	case t.Topic == nil:
		d.byID(id)
	case id.IsZero():
		d.byName(*t.Topic)
	default:
		d.answer(t.Topic, id, protocol.Errorf(protocol.InvalidRequest, "You may not specify both topic name and topic id."))
	}
}

func (d *deletion) byName(name string) {
	topic := d.img.Topic(name)
	switch {
	case d.doneNames[name]:
	case d.names[name] > 1:
		d.answer(&name, metadata.UUID{}, protocol.Errorf(protocol.InvalidRequest, "Duplicate topic name."))
	case topic == nil:
		d.answer(&name, metadata.UUID{}, errUnknownTopic)
	case d.takenIDs[topic.ID]:
		d.answer(&name, topic.ID, protocol.Errorf(protocol.InvalidRequest, "The provided topic name maps to an ID that was already supplied."))
	default:
		d.remove(topic)
	}
	d.doneNames[name] = true
}

func (d *deletion) byID(id metadata.UUID) {
	topic := d.img.TopicByID(id)
	switch {
	case d.doneIDs[id]:
	case d.ids[id] > 1:
		d.answer(nil, id, protocol.Errorf(protocol.InvalidRequest, "Duplicate topic id."))
	case topic == nil:
		d.answer(nil, id, errUnknownTopicID)
	case d.names[topic.Name] == 1:
		// The topic is also given by name: neither of the two deletes it, and the name gets the answer.
	default:
		d.remove(topic)
	}
	d.doneIDs[id] = true
}

func (d *deletion) remove(t *metadata.Topic) {
	d.records = append(d.records, metadata.RemoveTopicRecord{TopicID: t.ID})
	d.answer(&t.Name, t.ID, nil)
}

func (d *deletion) answer(name *string, id metadata.UUID, err error) {
	t := kmsg.NewDeleteTopicsResponseTopic()
	t.Topic, t.TopicID = name, id
	t.ErrorCode, t.ErrorMessage = int16(protocol.CodeOf(err)), protocol.MessageOf(err)
	d.answers = append(d.answers, t)
}
