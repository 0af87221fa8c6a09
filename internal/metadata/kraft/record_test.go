package kraft

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
)

// fill gives every field of a record a value; now and then none.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Slice:
		list := reflect.MakeSlice(v.Type(), r.IntN(3), 3)
		for i := range list.Len() {
			fill(r, list.Index(i))
		}
		v.Set(list)
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.String:
		v.SetString([]string{"", "a", "name"}[r.IntN(3)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Float64:
		v.SetFloat(r.Float64())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(int8(r.Uint32())))
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(uint64(uint8(r.Uint32())))
	default:
		panic(v.Kind())
	}
}

// In its highest version a record loses nothing; in every version what is read is written the same.
func TestRecordsRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	types := 0
	for key := range uint32(64) {
		if newRecord(key) == nil {
			continue
		}
		types++
		for range 50 {
			record := newRecord(key)
			fill(r, reflect.ValueOf(record).Elem())
			for version := range record.MaxVersion() + 1 {
				value := AppendRecord(nil, record, version)
				again, err := DecodeRecord(value)
				if err != nil {
					t.Fatalf("%T v%d: %v", record, version, err)
				}
				if second := AppendRecord(nil, again, version); !bytes.Equal(value, second) {
					t.Fatalf("%T v%d: %x is written again as %x", record, version, value, second)
				}
				for cut := range len(value) {
					if _, err := DecodeRecord(value[:cut]); err == nil {
						t.Fatalf("%T v%d: %x has no error without its last %d bytes", record, version, value, len(value)-cut)
					}
				}
			}
			again, _ := DecodeRecord(AppendRecord(nil, record, record.MaxVersion()))
			if AppendRecord(nil, again, record.MaxVersion()); !same(record, again) {
				t.Fatalf("%+v comes back as %+v", record, again)
			}
		}
	}
	if types != 26 {
		t.Fatalf("%d types, Apache Kafka 4.3 has 26", types)
	}
}

// same compares records; an empty list of a tagged field that is left out comes back as none.
func same(a, b Record) bool {
	return bytes.Equal(AppendRecord(nil, a, a.MaxVersion()), AppendRecord(nil, b, b.MaxVersion())) && reflect.TypeOf(a) == reflect.TypeOf(b)
}

func TestUnknownTagsArePassedOver(t *testing.T) {
	value := AppendRecord(nil, &FeatureLevelRecord{Name: "f", FeatureLevel: 3}, 0)
	value = append(value[:len(value)-1], 2, 50, 3, 1, 2, 3, 51, 0)
	r, err := DecodeRecord(value)
	if got, ok := r.(*FeatureLevelRecord); err != nil || !ok || got.FeatureLevel != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	value = AppendRecord(nil, &PartitionChangeRecord{Leader: 4, LeaderRecoveryState: -1}, 2)
	value[len(value)-5]++ // the size of the leader's field
	if _, err := DecodeRecord(append(value, 0)); err == nil {
		t.Fatal("a tagged field with a byte too many is no error")
	}
}

func TestHugeCountsCostNothing(t *testing.T) {
	value := append([]byte{1, 3, 0}, make([]byte, 20)...)
	value = append(value, 0xff, 0xff, 0xff, 0xff, 0x0f) // so many replicas
	if allocated := testing.AllocsPerRun(10, func() {
		if _, err := DecodeRecord(value); err == nil {
			t.Fatal("no error")
		}
	}); allocated > 20 {
		t.Fatalf("%v allocations", allocated)
	}
}
