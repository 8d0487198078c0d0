package view

import "bytes"

// maxKeyLines is how many lines a private key has at most. One of 16,384 bits has some 200.
const maxKeyLines = 300

// A privateKey recognizes the lines of private keys in PEM, which only the lines around them give away.
type privateKey struct{ rest int }

// begin tells it of the text that it is to look at: that may begin within a key.
func (k *privateKey) begin(text []byte) {
	k.rest = 0
	if bytes.HasPrefix(text, []byte("{")) {
		return
	}
	if i := bytes.Index(text, []byte("\n{")); i >= 0 {
		text = text[:i]
	}
	before, _, found := bytes.Cut(text, []byte("-----END "))
	if found && !bytes.Contains(before, []byte("-----BEGIN ")) {
		k.rest = maxKeyLines
	}
}

// json tells it of a line of JSON, which ends a key.
func (k *privateKey) json() { k.rest = 0 }

// has reports whether a line of text is one of a key, behind its first one.
func (k *privateKey) has(line []byte) bool {
	if !bytes.Contains(line, []byte("-----")) {
		inside := k.rest > 0
		k.rest = max(0, k.rest-1)
		return inside
	}
	k.rest = 0
	if begin := bytes.LastIndex(line, []byte("-----BEGIN ")); begin >= 0 && !bytes.Contains(line[begin:], []byte("-----END ")) &&
		bytes.Contains(line[begin:], []byte("PRIVATE KEY")) {
		k.rest = maxKeyLines
	}
	return false
}
