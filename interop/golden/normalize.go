package golden

import (
	"encoding/base64"
	"fmt"
	"net"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// normalizer makes equal what differs between two runs of a script: ids become names by where they first appeared, times near now
// and the broker's address become words. Names stay with their ids through the whole script, so that it shows whether two answers
// speak about the same thing.
type normalizer struct {
	target *Target
	names  map[string]string // an id's text → its name
	taken  map[string]int    // a variable → how many numbers were named after it
	last   *Object           // the latest answer before normalizing, for messages
}

func newNormalizer(target *Target) *normalizer {
	return &normalizer{target: target, names: map[string]string{}, taken: map[string]int{}}
}

// name gives a captured value its variable's name in all answers from here on: texts wherever they stand, numbers in the fields of ids,
// since other fields hold the same small numbers by chance.
func (n *normalizer) name(variable, field string, v any) {
	switch v := v.(type) {
	case string:
		if len(v) >= 8 { // shorter ones would replace parts of words
			n.names[v] = "<$" + variable + ">"
		}
	case int64:
		if !idFields[field] || v == 0 {
			return
		}
		if key := numberKey(field, v); n.names[key] == "" || !n.isNameOf(variable, n.names[key]) {
			n.names[key] = n.nextName(variable, field)
		}
	}
}

// nextName tells the values apart that a variable takes one after another, in a loop for example.
func (n *normalizer) nextName(variable, field string) string {
	n.taken[variable]++
	if n.taken[variable] == 1 || field == "SessionID" { // sessions are not compared with one another
		return "<$" + variable + ">"
	}
	return fmt.Sprintf("<$%s, %d>", variable, n.taken[variable])
}

func (n *normalizer) isNameOf(variable, name string) bool {
	return name == "<$"+variable+">" || strings.HasPrefix(name, "<$"+variable+", ")
}

func numberKey(field string, v int64) string { return field + " " + strconv.FormatInt(v, 10) }

// idFields hold numbers that brokers give out.
var idFields = map[string]bool{"ProducerID": true, "SessionID": true}

// givesProducerIDs are the APIs in whose answers a producer's id can stand for the first time; elsewhere a number that no answer gave is
// the script's own.
var givesProducerIDs = map[string]bool{"InitProducerId": true, "EndTxn": true}

var uuidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

const zeroID = "00000000-0000-0000-0000-000000000000"

// answer normalizes a whole answer: lists without an order of their own are sorted, then values are named in the order of reading.
func (n *normalizer) answer(api, step string, tree *Object) *Object {
	sortLists(api, nil, tree, func(v any) string { return format(n.masked(v)) })
	fresh := 0
	return n.walk(api, "", tree, func(kind string) string {
		fresh++
		number, _, _ := strings.Cut(step, " ")
		if fresh == 1 {
			return fmt.Sprintf("<%s of step %s>", kind, number)
		}
		return fmt.Sprintf("<%s of step %s, %d>", kind, number, fresh)
	}).(*Object)
}

func (n *normalizer) walk(api, field string, v any, invent func(kind string) string) any {
	switch v := v.(type) {
	case *Object:
		for i := range v.Fields {
			f := &v.Fields[i]
			f.Value = n.walk(api, f.Name, f.Value, invent)
		}
	case []any:
		for i := range v {
			v[i] = n.walk(api, field, v[i], invent)
		}
	case Bytes:
		if printable(v) {
			return n.text(field, string(v), invent)
		}
	case string:
		return n.text(field, v, invent)
	case int64:
		return n.number(api, field, v, invent)
	}
	return v
}

// masked is a value with every id made equal, for sorting.
func (n *normalizer) masked(v any) any {
	switch v := v.(type) {
	case *Object:
		o := &Object{}
		for _, f := range v.Fields {
			o.Fields = append(o.Fields, Field{Name: f.Name, Value: n.masked(f.Value)})
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = n.masked(v[i])
		}
		return list
	case string:
		if name, ok := n.names[v]; ok {
			return name
		}
		return uuidPattern.ReplaceAllString(v, "<uuid>")
	}
	return v
}

func (n *normalizer) text(field, s string, invent func(string) string) any {
	host, _, _ := net.SplitHostPort(n.target.Addr)
	switch {
	case field == "ErrorMessage" && s != "": // said in whatever words
		return "<words>"
	case field == "Host" && s == host:
		return "<host>"
	case field == "ClusterID" && s != "":
		return "<cluster>"
	case field == "LogDir" || field == "Dir":
		return "<dir>"
	}
	for from, to := range n.target.Replace {
		s = strings.ReplaceAll(s, from, to)
	}
	s = strings.ReplaceAll(s, n.target.Addr, "<address>")
	s = n.replaceNamed(s)
	return uuidPattern.ReplaceAllStringFunc(s, func(id string) string {
		if id == zeroID {
			return id
		}
		if n.names[id] == "" {
			n.names[id] = invent("uuid")
		}
		return n.names[id]
	})
}

// replaceNamed puts names for captured values, longest first, also where a topic's id stands in Kafka's own form.
func (n *normalizer) replaceNamed(s string) string {
	known := sortedKeys(n.names)
	sort.SliceStable(known, func(i, j int) bool { return len(known[i]) > len(known[j]) })
	for _, id := range known {
		s = strings.ReplaceAll(s, id, n.names[id])
		if uuid, err := parseID(id); err == nil {
			s = strings.ReplaceAll(s, base64.RawURLEncoding.EncodeToString(uuid[:]), n.names[id])
		}
	}
	return s
}

// nearNow is how far from the time of playing a number may lie to be taken for a time.
const nearNow = 2 * time.Hour

func (n *normalizer) number(api, field string, v int64, invent func(string) string) any {
	_, port, _ := net.SplitHostPort(n.target.Addr)
	now := time.Now()
	switch {
	case field == "Port" && strconv.FormatInt(v, 10) == port:
		return "<port>"
	case v > now.Add(-nearNow).UnixMilli() && v < now.Add(nearNow).UnixMilli():
		return "<now>"
	case (field == "TotalBytes" || field == "UsableBytes") && v > 0:
		return "<some>"
	case idFields[field] && v != 0: // no session; no producer of a script has the id 0, which warming up took
		key := numberKey(field, v)
		if name, ok := n.names[key]; ok {
			return name
		}
		if field == "ProducerID" && v > 0 && givesProducerIDs[api] || field == "SessionID" {
			n.names[key] = invent(field)
			return n.names[key]
		}
	}
	return v
}
