package store

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"ottla.dev/ottla/internal/metadata"
)

// Fields of a broker's registration, of its endpoints and of its features, and of its presence (2 only).
const (
	brokerEpoch       = 1
	brokerIncarnation = 2
	brokerRack        = 3 // absent: none
	brokerEndpoint    = 4
	brokerLogDirs     = 5 // 16 bytes each
	brokerFenced      = 6
	brokerLeaving     = 7
	brokerFeature     = 8

	endpointName     = 1
	endpointHost     = 2
	endpointPort     = 3
	endpointSecurity = 4

	featureName = 1
	featureMin  = 2
	featureMax  = 3
)

func encodeBroker(b *metadata.Broker) []byte {
	m := newValue()
	m.signed(brokerEpoch, b.Epoch)
	m.bytes(brokerIncarnation, b.IncarnationID[:])
	if b.Rack != nil {
		m.bytes(brokerRack, []byte(*b.Rack))
	}
	for _, e := range b.Endpoints {
		var one message
		one.string(endpointName, e.Name)
		one.string(endpointHost, e.Host)
		one.varint(endpointPort, uint64(e.Port))
		one.varint(endpointSecurity, uint64(e.SecurityProtocol))
		m.bytes(brokerEndpoint, one)
	}
	var dirs []byte
	for _, d := range b.LogDirs {
		dirs = append(dirs, d[:]...)
	}
	m.bytes(brokerLogDirs, dirs)
	m.bool(brokerFenced, b.Fenced)
	m.bool(brokerLeaving, b.InControlledShutdown)
	for _, name := range slices.Sorted(maps.Keys(b.Features)) {
		var one message
		one.string(featureName, name)
		one.varint(featureMin, uint64(b.Features[name].Min))
		one.varint(featureMax, uint64(b.Features[name].Max))
		m.bytes(brokerFeature, one)
	}
	return m
}

func decodeBroker(id int32, value []byte) (metadata.Broker, error) {
	b := metadata.Broker{ID: id}
	err := decodeValue(value, func(field protowire.Number, number uint64, bytes []byte) (err error) {
		switch field {
		case brokerEpoch:
			b.Epoch = signedOf(number)
		case brokerIncarnation:
			b.IncarnationID, err = decodeUUID(bytes)
		case brokerRack:
			rack := string(bytes)
			b.Rack = &rack
		case brokerEndpoint:
			var e metadata.Endpoint
			e, err = decodeEndpoint(bytes)
			b.Endpoints = append(b.Endpoints, e)
		case brokerLogDirs:
			b.LogDirs, err = decodeUUIDs(bytes)
		case brokerFenced:
			b.Fenced = number != 0
		case brokerLeaving:
			b.InControlledShutdown = number != 0
		case brokerFeature:
			err = decodeFeature(&b, bytes)
		}
		return err
	})
	return b, err
}

func decodeEndpoint(bytes []byte) (e metadata.Endpoint, err error) {
	err = decodeMessage(bytes, func(field protowire.Number, number uint64, bytes []byte) error {
		switch field {
		case endpointName:
			e.Name = string(bytes)
		case endpointHost:
			e.Host = string(bytes)
		case endpointPort:
			e.Port = int32(number)
		case endpointSecurity:
			e.SecurityProtocol = int16(number)
		}
		return nil
	})
	return e, err
}

func decodeFeature(b *metadata.Broker, bytes []byte) error {
	var name string
	var levels metadata.FeatureRange
	err := decodeMessage(bytes, func(field protowire.Number, number uint64, bytes []byte) error {
		switch field {
		case featureName:
			name = string(bytes)
		case featureMin:
			levels.Min = int16(number)
		case featureMax:
			levels.Max = int16(number)
		}
		return nil
	})
	if b.Features == nil {
		b.Features = map[string]metadata.FeatureRange{}
	}
	b.Features[name] = levels
	return err
}

func decodeUUID(b []byte) (metadata.UUID, error) {
	if len(b) != directoryBytes {
		return metadata.UUID{}, errMalformed
	}
	return metadata.UUID(b), nil
}

func encodePresence(incarnation metadata.UUID) []byte {
	m := newValue()
	m.bytes(brokerIncarnation, incarnation[:])
	return m
}
