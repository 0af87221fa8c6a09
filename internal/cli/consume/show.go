package consume

import (
	"bufio"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
	"sigs.k8s.io/yaml"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/recordtext"
)

// shower writes one record.
type shower func(w *bufio.Writer, r *kgo.Record) error

// newShower finds the form: the format that was given, the form of output, or what suits where the output goes.
func newShower(out *output.Printer, o options) (shower, error) {
	format := o.format
	switch {
	case format != "":
	case out.Format == output.JSON:
		return showJSON, nil
	case out.Format == output.YAML:
		return showYAML, nil
	case o.formGiven || out.Terminal:
		return func(w *bufio.Writer, r *kgo.Record) error { return showLine(w, r, out) }, nil
	default:
		format = `%v\n`
	}
	compiled, err := recordtext.NewFormat(format)
	if err != nil {
		return nil, output.Usagef("--format: %v", err)
	}
	var buffer []byte
	return func(w *bufio.Writer, r *kgo.Record) error {
		buffer = compiled.Append(buffer[:0], r)
		_, err := w.Write(buffer)
		return err
	}, nil
}

func showJSON(w *bufio.Writer, r *kgo.Record) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(recordtext.ToJSON(r))
}

func showYAML(w *bufio.Writer, r *kgo.Record) error {
	text, err := yaml.Marshal(recordtext.ToJSON(r))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "---\n%s", text)
	return err
}

// showLine is a record for the eye: where it is, when it came, key, value, headers.
func showLine(w *bufio.Writer, r *kgo.Record, out *output.Printer) error {
	place := fmt.Sprintf("%s-%d @%d  %s", r.Topic, r.Partition, r.Offset, recordtext.Date(r.Timestamp))
	text := out.Style(output.Dim, place) + "  "
	if r.Key != nil {
		text += out.Style(output.Bold, readable(r.Key)) + "  "
	}
	if r.Value == nil {
		text += out.Style(output.Dim, "(no value)")
	}
	text += readable(r.Value)
	if len(r.Headers) > 0 {
		text += "  " + out.Style(output.Dim, "{"+output.Clean(recordtext.Headers(r.Headers))+"}")
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// readable shows bytes as text if they are, else in hexadecimal.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return output.Clean(string(b))
	}
	return fmt.Sprintf("0x%x", b)
}
