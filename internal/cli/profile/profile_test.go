package profile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/clitest"
	"ottla.dev/ottla/internal/cli/output"
)

func command(args ...string) (*cobra.Command, *Profile) {
	c := &cobra.Command{Use: "test", RunE: func(*cobra.Command, []string) error { return nil }}
	p := Bind(c)
	c.SetArgs(args)
	c.SetContext(context.Background())
	return c, p
}

func TestSeeds(t *testing.T) {
	for _, tc := range []struct {
		env  string
		args []string
		want string
	}{
		{want: DefaultBootstrap},
		{env: "a:1, b:2,", want: "a:1 b:2"},
		{env: "a:1", args: []string{"-b", "c:3,d:4"}, want: "c:3 d:4"},
	} {
		t.Setenv(BootstrapEnv, tc.env)
		c, p := command(tc.args...)
		if err := c.Execute(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Seeds(), " "); got != tc.want {
			t.Errorf("env %q, args %v: %s, want %s", tc.env, tc.args, got, tc.want)
		}
	}
}

func TestNoBrokerIsToldSoonAndPlainly(t *testing.T) {
	closed := clitest.Listen(t, nil)
	host, _, _ := net.SplitHostPort(closed)
	for _, tc := range []struct{ name, addr, want string }{
		{"refused", host + ":1", "connection refused"},
		{"silent", clitest.Listen(t, clitest.Silent), "nothing came within 200ms"},
		{"closes at once", clitest.Listen(t, func(c net.Conn) { c.Close() }), "does not speak Kafka's protocol"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, p := command("--bootstrap", tc.addr)
			if err := c.Execute(); err != nil {
				t.Fatal(err)
			}
			p.patience = 200 * time.Millisecond
			began := time.Now()
			err := p.Run(c, func(context.Context, *Session) error { t.Error("connected"); return nil })
			var e *output.Error
			if !errors.As(err, &e) || e.Exit != output.Unreachable || !strings.Contains(e.Message, tc.want) || !strings.Contains(e.Hint, "ottla serve") {
				t.Errorf("%#v, want %q", err, tc.want)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestWhyNamesAHostThatCannotBeResolved(t *testing.T) {
	err := &net.OpError{Op: "dial", Err: &net.DNSError{Name: "nosuchhost", Err: "no such host", IsTimeout: true}}
	if got := why(err, time.Second); got != "the host name nosuchhost cannot be resolved" {
		t.Error(got)
	}
}

func TestInterruptedWhileConnecting(t *testing.T) {
	c, p := command("--bootstrap", clitest.Listen(t, clitest.Silent))
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.SetContext(ctx)
	err := p.Stream(c, func(context.Context, *Session) error { t.Error("connected"); return nil })
	if e := output.Classify(err); e.Exit != output.Interrupted {
		t.Errorf("%v", err)
	}
}

func TestConfirm(t *testing.T) {
	for _, tc := range []struct {
		name, answer     string
		interactive, yes bool
		asks, goes       bool
	}{
		{name: "a script is not asked", goes: true},
		{name: "yes needs no question", interactive: true, yes: true, goes: true},
		{name: "y", answer: "y\n", interactive: true, asks: true, goes: true},
		{name: "YES", answer: " YES \n", interactive: true, asks: true, goes: true},
		{name: "n", answer: "n\n", interactive: true, asks: true},
		{name: "Enter", answer: "\n", interactive: true, asks: true},
		{name: "end of input", answer: "", interactive: true, asks: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked bytes.Buffer
			s := &Session{Out: output.New(io.Discard, &asked, output.Table), In: strings.NewReader(tc.answer), Interactive: tc.interactive}
			err := s.Confirm(tc.yes, "Delete %s?", "it")
			if (err == nil) != tc.goes || err != nil && output.Classify(err).Exit != output.Refused {
				t.Errorf("%v", err)
			}
			if (asked.String() == "Delete it? [y/N] ") != tc.asks {
				t.Errorf("asked %q", asked.String())
			}
		})
	}
}

func TestDistinct(t *testing.T) {
	if got := strings.Join(Distinct([]string{"b", "a", "b"}), " "); got != "b a" {
		t.Errorf("%q", got)
	}
}
