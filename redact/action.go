package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Action says what stands in the place of a secret. The zero Action is the
// mask of [Options].
//
// KeepLast, Truncate and Hash need a text: of a string, a []byte, a number, a
// time, or what [fmt.Stringer] or error prints. The mask stands in the place of
// anything else, such as a group or a struct, and of what would break the text
// around it.
type Action struct {
	kind actionKind
	text string // of Mask
	n    int    // of KeepLast and Truncate
	key  string // of Hash; a string, so that nobody changes it
}

type actionKind uint8

const (
	byDefault actionKind = iota
	byText
	byRemoval
	byLast
	byFirst
	byHash
)

// minHashKey is how many bytes the key of Hash has at least: with a key that can
// be guessed, so can what is hashed.
const minHashKey = 16

// hashSize is how many bytes of a hash are printed: enough to tell a billion
// secrets apart.
const hashSize = 8

// Mask replaces a secret by text, of [REDACTED] and the like. It stands in JSON and
// in quotes too, and has no control characters, no quotes and no backslashes.
func Mask(text string) Action { return Action{kind: byText, text: text} }

// Remove leaves out the attr, the map entry, the field or the member of JSON. In
// the middle of a text, nothing stands in the place of the secret.
func Remove() Action { return Action{kind: byRemoval} }

// KeepLast keeps the last n characters behind the mask, as of a card:
// [REDACTED]1111. A secret that does not have twice as many is masked.
func KeepLast(n int) Action { return Action{kind: byLast, n: n} }

// Truncate keeps the first n characters before the mask: 192.0[REDACTED]. A
// secret that does not have twice as many is masked.
func Truncate(n int) Action { return Action{kind: byFirst, n: n} }

// Hash replaces a secret by 64 bits of its HMAC-SHA-256 (RFC 2104) with key, as in
// [REDACTED:9f86d081884c7d65], so that records with the same secret can be found,
// and nobody without the key can try out what the secret is. The key has at least
// 16 bytes; it is copied.
func Hash(key []byte) Action { return Action{kind: byHash, key: string(key)} }

// check returns what is wrong with the action.
func (a Action) check() error {
	switch {
	case a.kind == byLast && a.n < 1:
		return fmt.Errorf("KeepLast of %d characters, want at least 1", a.n)
	case a.kind == byFirst && a.n < 1:
		return fmt.Errorf("Truncate to %d characters, want at least 1", a.n)
	case a.kind == byHash && len(a.key) < minHashKey:
		return fmt.Errorf("a key for Hash of %d bytes, want at least %d", len(a.key), minHashKey)
	case a.kind == byText && a.text == "":
		return errors.New("an empty Mask, want a text, or Remove")
	}
	return checkMask(a.text)
}

// checkMask returns what is wrong with a text that is to stand in the place of any
// secret.
func checkMask(text string) error {
	breaks := func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune("\"'`\\", r) }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, breaks) {
		return fmt.Errorf("the mask %q, want UTF-8 without control characters, quotes and backslashes", text)
	}
	return nil
}

// needsText reports whether the action does something else with a text than with
// anything else.
func (a Action) needsText() bool { return a.kind >= byLast }

// replace returns what stands in the place of a secret that has a text, or of one
// that has none.
func (a Action) replace(mask, secret string, hasText bool) string {
	switch a.kind {
	case byText:
		return a.text
	case byRemoval:
		return ""
	case byLast, byFirst:
		if !hasText || utf8.RuneCountInString(secret) < 2*a.n {
			return mask
		}
		if a.kind == byFirst {
			return secret[:runes(secret, a.n)] + mask
		}
		return mask + secret[runes(secret, utf8.RuneCountInString(secret)-a.n):]
	case byHash:
		if !hasText {
			return mask
		}
		h := hmac.New(sha256.New, []byte(a.key))
		h.Write([]byte(secret))
		return withHash(mask, hex.EncodeToString(h.Sum(nil)[:hashSize]))
	default:
		return mask
	}
}

// runes returns how many bytes the first n characters of s have.
func runes(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// withHash puts a hash into the mask.
func withHash(mask, hash string) string {
	if inner, ok := strings.CutSuffix(mask, "]"); ok {
		return inner + ":" + hash + "]"
	}
	return mask + ":" + hash
}

// hashAt returns the length of the mask with a hash that s begins with, or 0.
func hashAt(mask, s string) int {
	inner, closed := strings.CutSuffix(mask, "]")
	if !strings.HasPrefix(s, inner+":") {
		return 0
	}
	end := len(inner) + 1 + hex.EncodedLen(hashSize)
	if len(s) < end {
		return 0
	}
	for _, c := range []byte(s[len(inner)+1 : end]) {
		if !isDigit(c) && (c < 'a' || c > 'f') {
			return 0
		}
	}
	if !closed {
		return end
	}
	if end == len(s) || s[end] != ']' {
		return 0
	}
	return end + 1
}

// isPlain reports whether s can stand anywhere in a text without breaking it.
func isPlain(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("-_.@+*", s[i]) < 0 {
			return false
		}
	}
	return true
}
