package configs

import (
	"math"
	"testing"
)

func TestParseSettings(t *testing.T) {
	for in, want := range map[string]map[string]string{
		"a=b":                              {"a": "b"},
		"a=b,c=[d,e],f=g":                  {"a": "b", "c": "d,e", "f": "g"},
		" a = b , c = ":                    {"a": "b", "c": ""},
		"a=":                               {"a": ""},
		"a=[x=1,y=2]":                      {"a": "x=1,y=2"},
		"a=b,":                             {"a": "b"},
		"S=[iterations=5,password=p],q=[]": {"S": "iterations=5,password=p", "q": ""},
	} {
		got := map[string]string{}
		if err := parseSettings(in, got); err != nil {
			t.Errorf("%q: %v", in, err)
		}
		for key, value := range want {
			if v, ok := got[key]; !ok || v != value {
				t.Errorf("%q: %s is %q, want %q", in, key, v, value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%q: %q", in, got)
		}
	}
	for _, in := range []string{"", "a", "a=b,c", "a=b=c", ",a=b"} {
		if err := parseSettings(in, map[string]string{}); err == nil {
			t.Errorf("%q must be refused", in)
		}
	}
}

func TestJavaDouble(t *testing.T) {
	for in, want := range map[float64]string{
		0: "0.0", 1: "1.0", 1048576: "1048576.0", 9999999: "9999999.0", 1e7: "1.0E7", 12345678.5: "1.23456785E7",
		0.5: "0.5", 0.001: "0.001", 0.0005: "5.0E-4", -2.5: "-2.5", 1e300: "1.0E300", math.MaxInt64: "9.223372036854776E18",
	} {
		if got := javaDouble(in); got != want {
			t.Errorf("%g: %s, want %s", in, got, want)
		}
	}
}

// TestUpsertionSaltsThePassword shows that what is sent depends on a fresh salt and never holds the password.
func TestUpsertionSaltsThePassword(t *testing.T) {
	for mechanism, size := range map[string]int{"SCRAM-SHA-256": 32, "SCRAM-SHA-512": 64} {
		a, err := upsertion("bob", mechanism, "password=secret")
		if err != nil || a.Iterations != defaultScramIterations || len(a.SaltedPassword) != size || len(a.Salt) != scramSaltBytes {
			t.Errorf("%s: %+v, %v", mechanism, a, err)
		}
		b, err := upsertion("bob", mechanism, "iterations=8192,password=secret")
		if err != nil || b.Iterations != 8192 || string(a.Salt) == string(b.Salt) || string(a.SaltedPassword) == string(b.SaltedPassword) {
			t.Errorf("%s: the salt must be fresh: %+v, %v", mechanism, b, err)
		}
	}
	if a, err := upsertion("bob", "SCRAM-SHA-256", "iterations=-1,password=a,b=c"); err != nil || a.Iterations != defaultScramIterations {
		t.Errorf("a password may hold commas, and -1 means the default: %+v, %v", a, err)
	}
}
