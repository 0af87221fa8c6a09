package recordjson

import (
	"math"
	"strconv"
	"unicode/utf8"
)

const hexUpper = "0123456789ABCDEF"

// appendString appends a JSON string with the escapes of Jackson, Kafka's JSON library: quotes, backslashes and control
// characters only. (encoding/json would also escape <, > and &.)
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r) // a byte that is not UTF-8 becomes U+FFFD, as in Java
			i += size
			continue
		}
		i++
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hexUpper[c>>4], hexUpper[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

// AppendString appends s as Kafka's tools print a JSON string.
func AppendString(dst []byte, s string) []byte { return appendString(dst, s) }

// AppendDouble appends a number as Java's Double.toString writes it, which is what Kafka's tools print: at least one
// digit after the point, and an exponent outside of [0.001, 10^7).
func AppendDouble(dst []byte, v float64) []byte { return appendFloating(dst, v, 64) }

// AppendJSONDouble appends a number as Jackson writes it into JSON: what is no number in quotes.
func AppendJSONDouble(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(AppendDouble(append(dst, '"'), v), '"')
	}
	return AppendDouble(dst, v)
}

// AppendFloat is AppendDouble for Java's Float.toString.
func AppendFloat(dst []byte, v float32) []byte { return appendFloating(dst, float64(v), 32) }

func appendFloating(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	case v == 0:
		if math.Signbit(v) {
			return append(dst, "-0.0"...)
		}
		return append(dst, "0.0"...)
	}
	if a := math.Abs(v); a >= 1e-3 && a < 1e7 {
		start := len(dst)
		dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
		for _, c := range dst[start:] {
			if c == '.' {
				return dst
			}
		}
		return append(dst, '.', '0')
	}
	text := strconv.FormatFloat(v, 'e', -1, bits) // d.ddde±dd
	mantissa, exponent := text, 0
	for i := range text {
		if text[i] == 'e' {
			mantissa = text[:i]
			exponent, _ = strconv.Atoi(text[i+1:])
			break
		}
	}
	dst = append(dst, mantissa...)
	hasPoint := false
	for _, c := range mantissa {
		hasPoint = hasPoint || c == '.'
	}
	if !hasPoint {
		dst = append(dst, '.', '0')
	}
	dst = append(dst, 'E')
	return strconv.AppendInt(dst, int64(exponent), 10)
}
