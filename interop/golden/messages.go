package golden

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// apiKeys are the keys of Kafka's APIs by the names that kmsg, and so the scripts, give them.
var apiKeys = func() map[string]int16 {
	keys := map[string]int16{}
	for key := int16(0); key < 120; key++ {
		if name := kmsg.NameForKey(key); name != "" && name != "Unknown" {
			keys[name] = key
		}
	}
	// As the protocol's documents spell them.
	keys["InitProducerId"] = int16(kmsg.InitProducerID)
	return keys
}()

func requestFor(api string) (kmsg.Request, error) {
	key, ok := apiKeys[api]
	if !ok {
		return nil, fmt.Errorf("no API %s", api)
	}
	return kmsg.RequestForKey(key), nil
}

// fill sets a message's fields from an evaluated object.
func fill(message any, o *Object) error {
	return setValue(reflect.ValueOf(message).Elem(), o, "")
}

func setValue(dst reflect.Value, v any, at string) error {
	wrong := func() error {
		return fmt.Errorf("%s cannot be %s", strings.TrimPrefix(at, "."), format(v))
	}
	switch kind := dst.Kind(); {
	case dst.Type() == reflect.TypeFor[[16]byte]():
		id, err := parseID(v)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		dst.Set(reflect.ValueOf(id))
	case dst.Type() == reflect.TypeFor[[]byte]():
		b, err := toBytes(v)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		dst.SetBytes(b)
	case kind == reflect.Struct:
		o, ok := v.(*Object)
		if !ok {
			return wrong()
		}
		return setStruct(dst, o, at)
	case kind == reflect.Pointer:
		if v == nil {
			dst.SetZero()
			return nil
		}
		fresh := reflect.New(dst.Type().Elem())
		callDefault(fresh)
		dst.Set(fresh)
		return setValue(fresh.Elem(), v, at)
	case kind == reflect.Slice:
		return setSlice(dst, v, at, wrong)
	case kind == reflect.String:
		s, ok := v.(string)
		if !ok {
			return wrong()
		}
		dst.SetString(s)
	case kind == reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return wrong()
		}
		dst.SetBool(b)
	case dst.CanInt():
		n, ok := v.(int64)
		if !ok || dst.OverflowInt(n) {
			return wrong()
		}
		dst.SetInt(n)
	case dst.CanUint():
		n, ok := v.(int64)
		if !ok || n < 0 || dst.OverflowUint(uint64(n)) {
			return wrong()
		}
		dst.SetUint(uint64(n))
	default:
		return wrong()
	}
	return nil
}

func setSlice(dst reflect.Value, v any, at string, wrong func() error) error {
	if v == nil {
		dst.SetZero()
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return wrong()
	}
	slice := reflect.MakeSlice(dst.Type(), len(list), len(list))
	for i, e := range list {
		callDefault(slice.Index(i).Addr())
		if err := setValue(slice.Index(i), e, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	dst.Set(slice)
	return nil
}

func setStruct(dst reflect.Value, o *Object, at string) error {
	for _, f := range o.Fields {
		field := dst.FieldByName(f.Name)
		if !field.IsValid() || f.Name == "Version" || f.Name == "UnknownTags" {
			return fmt.Errorf("%s has no field %s", dst.Type().Name(), f.Name)
		}
		if err := setValue(field, f.Value, at+"."+f.Name); err != nil {
			return err
		}
	}
	return nil
}

func callDefault(pointer reflect.Value) {
	if d, ok := pointer.Interface().(interface{ Default() }); ok {
		d.Default()
	}
}

// checkFields tells whether a message could take an object that still holds variables: every field exists.
func checkFields(t reflect.Type, v any) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
		if list, ok := v.([]any); ok && t.Kind() == reflect.Slice {
			for _, e := range list {
				if err := checkFields(t.Elem(), e); err != nil {
					return err
				}
			}
			return nil
		}
		t = t.Elem()
	}
	o, ok := v.(*Object)
	if !ok || t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range o.Fields {
		field, ok := t.FieldByName(f.Name)
		if !ok {
			return fmt.Errorf("%s has no field %s", t.Name(), f.Name)
		}
		if err := checkFields(field.Type, f.Value); err != nil {
			return err
		}
	}
	return nil
}

// parseID reads a topic id in the usual form with dashes.
func parseID(v any) (id [16]byte, err error) {
	s, ok := v.(string)
	if !ok {
		return id, fmt.Errorf("an id cannot be %s", format(v))
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return id, fmt.Errorf("an id cannot be %q", s)
	}
	return [16]byte(b), nil
}

func formatID(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// toTree turns a decoded answer into an object; fields that hold what an absent one would hold are marked.
func toTree(message any) *Object {
	return structTree(reflect.ValueOf(message).Elem())
}

func structTree(v reflect.Value) *Object {
	fresh := reflect.New(v.Type())
	callDefault(fresh)
	o := &Object{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || field.Name == "Version" {
			continue
		}
		if tags, ok := v.Field(i).Interface().(kmsg.Tags); ok {
			if tags.Len() > 0 {
				o.Fields = append(o.Fields, Field{Name: "UnknownTags", Value: int64(tags.Len())})
			}
			continue
		}
		o.Fields = append(o.Fields, Field{
			Name:    field.Name,
			Value:   fieldTree(field.Name, v.Field(i)),
			Default: reflect.DeepEqual(v.Field(i).Interface(), fresh.Elem().Field(i).Interface()),
		})
	}
	return o
}

func fieldTree(name string, v reflect.Value) any {
	if v.Kind() == reflect.Int16 && strings.HasSuffix(name, "ErrorCode") {
		return errorName(int16(v.Int()))
	}
	if name == "RecordBatches" && v.Type() == reflect.TypeFor[[]byte]() {
		return batchesTree(v.Bytes())
	}
	return valueTree(v)
}

func valueTree(v reflect.Value) any {
	switch kind := v.Kind(); {
	case v.Type() == reflect.TypeFor[[16]byte]():
		return formatID(v.Interface().([16]byte))
	case v.Type() == reflect.TypeFor[[]byte]():
		if v.IsNil() {
			return nil
		}
		return Bytes(v.Bytes())
	case kind == reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return valueTree(v.Elem())
	case kind == reflect.Struct:
		return structTree(v)
	case kind == reflect.Slice:
		if v.IsNil() {
			return nil
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = valueTree(v.Index(i))
		}
		return list
	case kind == reflect.String:
		return v.String()
	case kind == reflect.Bool:
		return v.Bool()
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return int64(v.Uint())
	case v.CanFloat():
		return v.Float()
	}
	panic("no text for " + v.Type().String())
}

// errorName is Kafka's name of an error code, the number where it has none.
func errorName(code int16) any {
	switch code {
	case 0:
		return "NONE"
	case 6: // kerr keeps the name from before followers could be fetched from
		return "NOT_LEADER_OR_FOLLOWER"
	}
	if e := kerr.TypedErrorForCode(code); e != nil && (e.Code == code) {
		return e.Message
	}
	return int64(code)
}
