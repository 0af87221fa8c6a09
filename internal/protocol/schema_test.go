package protocol

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fill puts one element into every array of a request, so that every part of its layout is walked.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.Struct {
			fill(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fill(f)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if d, ok := element.Addr().Interface().(interface{ Default() }); ok {
			d.Default()
		}
		fill(element)
		v.Set(reflect.Append(reflect.MakeSlice(v.Type(), 0, 1), element))
	}
}

func TestCheckRequestTakesWhatKmsgWritesAndNothingShorter(t *testing.T) {
	for _, api := range Served {
		for version := max(api.Min, firstCoded(api.Key)); version <= api.Max; version++ {
			for _, filled := range []bool{false, true} {
				req := kmsg.RequestForKey(api.Key)
				if filled {
					fill(reflect.ValueOf(req))
				}
				req.SetVersion(version)
				body := req.AppendTo(nil)
				if err := CheckRequest(api.Key, version, body); err != nil {
					t.Errorf("%s version %d, filled %v: %v", api.Name, version, filled, err)
				}
				for cut := range body {
					if CheckRequest(api.Key, version, body[:cut]) == nil {
						t.Errorf("%s version %d, filled %v: cut to %d of %d bytes it passes", api.Name, version, filled, cut, len(body))
					}
				}
			}
		}
	}
}

// firstCoded is the first version that has a body: Produce is advertised from 0 and exists from 3.
func firstCoded(key int16) int16 {
	if key == KeyProduce {
		return 3
	}
	return 0
}

func TestCountsThatAreNotThereCostNothing(t *testing.T) {
	began := time.Now()
	for name, test := range map[string]struct {
		key, version int16
		body         []byte
	}{
		"billions of tagged fields": {KeyListOffsets, 11, []byte{0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}},
		"billions of elements":      {KeyMetadata, 1, []byte{0x7f, 0xff, 0xff, 0xff}},
		"a null array":              {KeyCreateTopics, 2, []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0}},
		"a null text":               {KeyHeartbeat, 0, []byte{0xff, 0xff, 0, 0, 0, 1, 0, 1, 'm'}},
	} {
		if CheckRequest(test.key, test.version, test.body) == nil {
			t.Errorf("%s passes", name)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v: something counts what is not there", took)
	}
}

func FuzzCheckRequest(f *testing.F) {
	f.Add(int16(KeyMetadata), int16(12), []byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 'a', 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		api, ok := Lookup(key)
		if !ok || !api.Serves(version) || version < firstCoded(key) || CheckRequest(key, version, body) != nil {
			return
		}
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		if err := req.ReadFrom(body); err != nil {
			t.Fatalf("%s version %d passes the walk, and kmsg says: %v", api.Name, version, err)
		}
	})
}

// TestTextsAreNoLongerThanTheyCouldEverBe: flexible versions could say more than the 32767 bytes of the others, and Apache Kafka takes no more.
func TestTextsAreNoLongerThanTheyCouldEverBe(t *testing.T) {
	for length, want := range map[int]bool{32767: true, 32768: false} {
		id := strings.Repeat("x", length)
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = &id
		req.SetVersion(5)
		if err := CheckRequest(KeyInitProducerID, 5, req.AppendTo(nil)); (err == nil) != want {
			t.Errorf("InitProducerId with a text of %d bytes: %v", length, err)
		}
		p := kmsg.NewPtrProduceRequest()
		p.TransactionID = &id
		p.SetVersion(9)
		var decoded ProduceRequest
		if err := decoded.Decode(p.AppendTo(nil), 9); (err == nil) != want {
			t.Errorf("Produce with a text of %d bytes: %v", length, err)
		}
	}
}
