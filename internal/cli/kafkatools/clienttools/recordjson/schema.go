package recordjson

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed schemas/*.txt
var schemaFiles embed.FS

// versionRange is an inclusive range of message versions; a range that holds nothing has low > high.
type versionRange struct{ low, high int16 }

func (r versionRange) has(v int16) bool { return v >= r.low && v <= r.high }

// message is one schema: what a record key, a record value or a control record holds.
type message struct {
	name     string
	kind     string // "coordinator-key", "coordinator-value", "metadata" or "data"
	key      int16  // the record type that keys and values are found by
	versions versionRange
	flexible versionRange
	fields   []*field
}

// field is one member of a message or of a nested structure.
type field struct {
	name     string
	typ      string // element type for arrays; "struct" when children describe it
	array    bool
	versions versionRange
	nullable versionRange
	tagged   versionRange
	tag      uint32
	def      string // textual default; "" means the zero value of the type
	children []*field
}

// catalog is every schema of one file.
type catalog struct {
	byName map[string]*message
	byKey  map[int16]*message // keys of coordinator records, and metadata records
	values map[int16]*message // values of coordinator records
}

var catalogs sync.Map // file name to *catalog

// loadCatalog parses an embedded schema file once. The files are part of the program: one that does not parse is
// our own mistake, hence the panic.
func loadCatalog(name string) *catalog {
	if c, ok := catalogs.Load(name); ok {
		return c.(*catalog)
	}
	text, err := schemaFiles.ReadFile("schemas/" + name + ".txt")
	if err != nil {
		panic(err)
	}
	c, err := parseCatalog(string(text))
	if err != nil {
		panic(fmt.Sprintf("recordjson: schemas/%s.txt: %v", name, err))
	}
	actual, _ := catalogs.LoadOrStore(name, c)
	return actual.(*catalog)
}

// parseCatalog reads the notation that doc.go describes.
func parseCatalog(text string) (*catalog, error) {
	c := &catalog{byName: map[string]*message{}, byKey: map[int16]*message{}, values: map[int16]*message{}}
	var current *message
	var stack []*field // the open field at each depth
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		body := strings.TrimLeft(line, " ")
		depth := (len(line) - len(body)) / 2
		words := strings.Fields(body)
		if depth == 0 {
			m, err := parseMessage(words)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			c.add(m)
			current, stack = m, stack[:0]
			continue
		}
		f, err := parseField(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if current == nil || depth-1 > len(stack) {
			return nil, fmt.Errorf("line %d: field %s has no parent", i+1, f.name)
		}
		if depth == 1 {
			current.fields = append(current.fields, f)
		} else {
			parent := stack[depth-2]
			parent.children = append(parent.children, f)
		}
		stack = append(stack[:depth-1], f)
	}
	return c, nil
}

func (c *catalog) add(m *message) {
	c.byName[m.name] = m
	switch m.kind {
	case "coordinator-value":
		c.values[m.key] = m
	case "coordinator-key", "metadata":
		c.byKey[m.key] = m
	}
}

func parseMessage(words []string) (*message, error) {
	if len(words) < 4 || words[0] != "message" {
		return nil, fmt.Errorf("want a message line, have %q", strings.Join(words, " "))
	}
	m := &message{name: words[1], key: -1}
	for _, w := range words[2:] {
		k, v, _ := strings.Cut(w, "=")
		var err error
		switch k {
		case "kind":
			m.kind = v
		case "versions":
			m.versions, err = parseRange(v)
		case "flexible":
			m.flexible, err = parseRange(v)
		case "key":
			var n int64
			n, err = strconv.ParseInt(v, 10, 16)
			m.key = int16(n)
		default:
			err = fmt.Errorf("unknown word %q", w)
		}
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

func parseField(words []string) (*field, error) {
	if len(words) < 3 {
		return nil, fmt.Errorf("short field line %q", strings.Join(words, " "))
	}
	none := versionRange{1, 0}
	f := &field{name: words[0], nullable: none, tagged: none}
	f.typ, f.array = strings.CutPrefix(words[1], "[]")
	if f.array && f.typ == "" {
		f.typ = "struct"
	}
	var err error
	if f.versions, err = parseRange(words[2]); err != nil {
		return nil, err
	}
	for _, w := range words[3:] {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "null":
			f.nullable, err = parseRange(v)
		case "tag":
			number, versions, _ := strings.Cut(v, "/")
			var n uint64
			if n, err = strconv.ParseUint(number, 10, 31); err == nil {
				f.tag = uint32(n)
				f.tagged, err = parseRange(versions)
			}
		case "default":
			f.def = v
		default:
			err = fmt.Errorf("unknown word %q", w)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// parseRange reads "none", "3", "0-4" and "2+".
func parseRange(s string) (versionRange, error) {
	const highest = 1<<15 - 1
	if s == "none" {
		return versionRange{1, 0}, nil
	}
	low, high, isRange := strings.Cut(s, "-")
	open := false
	if !isRange {
		low, open = strings.CutSuffix(s, "+")
		high = low
	}
	l, err := strconv.ParseInt(low, 10, 16)
	if err != nil {
		return versionRange{}, fmt.Errorf("version range %q: %w", s, err)
	}
	h, err := strconv.ParseInt(high, 10, 16)
	if err != nil {
		return versionRange{}, fmt.Errorf("version range %q: %w", s, err)
	}
	if open {
		h = highest
	}
	return versionRange{int16(l), int16(h)}, nil
}
