package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// answer is what a node said, field by field: the value at each path.
type answer map[string]string

// answers are a node's answers to the fixed list of questions, by their names.
type answers map[string]answer

// keys are the fields by which the elements of an array are told apart, whatever their order.
var keys = []string{"Topic", "Name", "ResourceName", "Group", "GroupID", "TransactionalID", "ProducerID", "Partition", "NodeID", "MemberID", "User"}

// skipped are fields without a meaning of their own.
var skipped = map[string]bool{"Version": true, "UnknownTags": true, "ThrottleMillis": true}

// flatten takes a response apart.
func flatten(v any) answer {
	a := answer{}
	a.put("", reflect.ValueOf(v))
	return a
}

func (a answer) put(at string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			a[at] = "null"
			return
		}
		a.put(at, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !skipped[f.Name] {
				a.put(strings.TrimPrefix(at+"."+f.Name, "."), v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			a[at] = shortBytes(v.Bytes())
			return
		}
		a.putList(at, v)
	case reflect.Map:
		for _, key := range v.MapKeys() {
			a.put(fmt.Sprintf("%s[%v]", at, key), v.MapIndex(key))
		}
	case reflect.Array:
		a[at] = fmt.Sprintf("%x", v.Interface())
	case reflect.Int16:
		if strings.HasSuffix(at, "ErrorCode") && v.Int() != 0 {
			a[at] = fmt.Sprint(kerr.ErrorForCode(int16(v.Int())))
			return
		}
		a[at] = fmt.Sprint(v.Interface())
	default:
		a[at] = fmt.Sprint(v.Interface())
	}
}

func (a answer) putList(at string, v reflect.Value) {
	a[at+".#"] = fmt.Sprint(v.Len())
	for i := range v.Len() {
		key := fmt.Sprint(i)
		e := v.Index(i)
		if e.Kind() == reflect.Int32 && strings.HasSuffix(at, ".Partitions") {
			key = fmt.Sprint(e.Interface()) // a set of partitions, in any order
		}
		if e.Kind() == reflect.Struct {
			for _, name := range keys {
				if f := e.FieldByName(name); f.IsValid() {
					key = keyText(f)
					break
				}
			}
		}
		a.put(fmt.Sprintf("%s[%s]", at, key), v.Index(i))
	}
}

func keyText(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "null"
		}
		v = v.Elem()
	}
	return fmt.Sprint(v.Interface())
}

func shortBytes(b []byte) string {
	if b == nil {
		return "null"
	}
	if len(b) <= 32 {
		return fmt.Sprintf("%x", b)
	}
	return fmt.Sprintf("%d bytes, sha256 %x", len(b), sha256.Sum256(b))
}

// absent stands for a field that an answer does not have.
const absent = "(absent)"

// difference is one path at which two answers are not the same.
type difference struct{ path, want, got string }

func (d difference) String() string { return fmt.Sprintf("%s: want %s, got %s", d.path, d.want, d.got) }

// compare returns what differs and is not allowed to.
func compare(question string, want, got answer) []difference {
	var found []difference
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[path]; !ok {
			found = append(found, difference{path, want[path], absent})
		} else if g != want[path] {
			found = append(found, difference{path, want[path], g})
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[path]; !ok {
			found = append(found, difference{path, absent, got[path]})
		}
	}
	return slices.DeleteFunc(found, func(d difference) bool { return allowed(question, d) })
}
