package view

import "bytes"

// maxKeyLines is how many lines a private key has at most. One of 16,384 bits has some 200.
const maxKeyLines = 300

// A privateKey recognizes the lines of private keys in PEM in one log, which the lines around them give away.
type privateKey struct {
	rest  int
	known bool // what came before; if not, that may have been the beginning of a key
}

// begin tells it of the text that it is to look at.
func (k *privateKey) begin(text []byte) {
	if k.known || bytes.HasPrefix(text, []byte("{")) {
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

// leave tells it that no key goes on, as in a line of JSON.
func (k *privateKey) leave() { *k = privateKey{known: true} }

// has reports whether a line of text is one of a key, behind its first one.
func (k *privateKey) has(line []byte) bool {
	if !bytes.Contains(line, []byte("-----")) {
		inside := k.rest > 0
		k.rest = max(0, k.rest-1)
		if !k.known && mayBeKey(line) {
			k.rest = max(1, k.rest) // the last line of a key is shorter
			return true
		}
		return inside
	}
	k.leave()
	if begin := bytes.LastIndex(line, []byte("-----BEGIN ")); begin >= 0 && !bytes.Contains(line[begin:], []byte("-----END ")) &&
		bytes.Contains(line[begin:], []byte("PRIVATE KEY")) {
		k.rest = maxKeyLines
	}
	return false
}

// mayBeKey reports whether a line looks like one of a key, maybe behind a prefix: base64, as wide as PEM has it, and no
// number in hexadecimal or path.
func mayBeKey(line []byte) bool {
	line = bytes.TrimSpace(line)
	line = line[bytes.LastIndexByte(line, ' ')+1:]
	var upper, lower, digit bool
	for _, b := range line {
		switch {
		case 'A' <= b && b <= 'Z':
			upper = true
		case 'a' <= b && b <= 'z':
			lower = true
		case '0' <= b && b <= '9':
			digit = true
		case b == '+', b == '/', b == '=':
		default:
			return false
		}
	}
	return upper && lower && digit && 40 <= len(line) && len(line) <= 76
}
