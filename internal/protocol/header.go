package protocol

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// RequestHeader is the header of a request, versions 1 and 2 (RequestHeader.json).
type RequestHeader struct {
	Key           int16
	Version       int16
	CorrelationID int32
	ClientID      string // empty also when the client sent null
}

// ParseRequestHeader reads the header off a frame and returns it with the rest, the request's body. It does not judge the version:
// for a key or a version that Served does not list the body is nil, and except for ApiVersions only the fields that every version shares are read.
func ParseRequestHeader(frame []byte) (RequestHeader, []byte, error) {
	r := reader{b: frame}
	h := RequestHeader{Key: r.int16(), Version: r.int16(), CorrelationID: r.int32()}
	if r.err != nil {
		return h, nil, fmt.Errorf("request header: %w", r.err)
	}
	api, ok := Lookup(h.Key)
	if !ok || !api.Serves(h.Version) && h.Key != KeyAPIVersions {
		return h, nil, nil
	}
	clientID, _ := r.nullableString(false) // keeps its 16-bit length in flexible versions too
	h.ClientID = string(clientID)
	if !api.Serves(h.Version) {
		if r.err != nil {
			return h, nil, fmt.Errorf("header of %s version %d: %w", api.Name, h.Version, r.err)
		}
		return h, nil, nil // it is answered with the versions that are served
	}
	if FlexibleRequest(h.Key, h.Version) {
		r.tags(nil)
	}
	if r.err != nil {
		return h, nil, fmt.Errorf("header of %s version %d: %w", api.Name, h.Version, r.err)
	}
	return h, r.b, nil
}

// firstFlexible is, per served key, the first version with compact lengths and tagged fields (KIP-482).
var firstFlexible = func() map[int16]int16 {
	m := make(map[int16]int16, len(Served))
	for _, api := range Served {
		m[api.Key] = api.Max + 1
		req := kmsg.RequestForKey(api.Key)
		for v := api.Min; v <= api.Max; v++ {
			if req.SetVersion(v); req.IsFlexible() {
				m[api.Key] = v
				break
			}
		}
	}
	return m
}()

// FlexibleRequest tells whether the version of a served API has compact lengths and tagged fields.
func FlexibleRequest(key, version int16) bool { return version >= firstFlexible[key] }

// AppendResponseHeader appends the header that goes before a response's body. ApiVersions keeps the oldest form in every version, so
// that a client can read the answer to a version that the broker does not know (KIP-511).
func AppendResponseHeader(dst []byte, key, version int16, correlationID int32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if key != KeyAPIVersions && FlexibleRequest(key, version) {
		dst = append(dst, 0) // no tagged fields
	}
	return dst
}
