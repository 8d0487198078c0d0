package redact

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// A keySet decides by its key whether a value is sensitive. It is the same for
// the key of an attr, a group, a map entry, a struct field, and for a key in
// text: password=x, {"password":"x"}, ?password=x.
type keySet struct {
	ends  [1 << 10]uint8 // for the last two bytes of a name, which of the lists it is in; 0 for none
	lists [][]keyName
	other []keyName  // names that are shorter, or have letters beyond ASCII
	paths [][]string // dotted keys: folded elements, "*" for any one
	depth int        // how many elements the longest of them has
}

// A keyName is a folded key and how much of a key it has to be.
type keyName struct {
	text string
	fit  fit
}

type fit int

const (
	whole  fit = iota // the last element of the key: email is email, and user.email
	word              // the last word of the key: pass is db_pass and dbPass, not bypass
	ending            // the end of the key: password is dbpassword
)

// endings and words are the default keys. What ends in one of the endings hardly
// ever means anything else; the words are the ends of harmless words too.
func defaultKeys() keySet {
	var k keySet
	for name := range strings.FieldsSeq(`
		password passwd passwords passphrase passcode
		secret secrets credential credentials
		token accesstokens authtokens apitokens refreshtokens
		apikey apikeys accesskey secretkey privatekey signingkey encryptionkey accountkey sharedkey masterkey sshkey authkey
		authorization cookie cookies jwt
		sessionid sessid sessionkey
		dbpass userpass smtppass dbpwd userpwd creds mnemonic codeverifier clientassertion samlresponse
		passwordhash passwordconfirmation passwordconfirm passwordvalue passwordstring passphrases passcodes
		secretstring secretvalue secretkeybase secretkeys tokenvalue tokenstring idtokens sessiontokens bearertokens
		privatekeys privatekeypem privatekeydata sessiondata jwtkey hmackey applicationkey subscriptionkey
		xamzsignature xamzcredential xgoogsignature xgoogcredential`) {
		k.addName(keyName{name, ending})
	}
	for name := range strings.FieldsSeq("pass pwd pw session csrf xsrf otp cvv cvc ssn") {
		k.addName(keyName{name, word})
	}
	return k
}

// add adds a key as the user wrote it.
func (k *keySet) add(key string) error {
	elems := strings.Split(key, ".")
	for i, elem := range elems {
		if elem != "*" {
			elems[i] = fold(elem)
		}
		if elems[i] == "" {
			return fmt.Errorf("redact: key %q: empty element, want letters or digits, or *", key)
		}
	}
	switch {
	case !slices.ContainsFunc(elems, func(elem string) bool { return elem != "*" }):
		return fmt.Errorf("redact: key %q: it would match every key, name one element at least", key)
	case len(elems) > 1:
		k.paths = append(k.paths, elems)
		k.depth = max(k.depth, len(elems))
	default:
		k.addName(keyName{elems[0], whole})
	}
	return nil
}

func (k *keySet) addName(n keyName) {
	size := len(n.text)
	if size < 2 || strings.IndexFunc(n.text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		k.other = append(k.other, n)
		return
	}
	end := &k.ends[pairOf(n.text[size-2], n.text[size-1])]
	switch {
	case *end > 0:
		k.lists[*end-1] = append(k.lists[*end-1], n)
	case len(k.lists) < math.MaxUint8:
		k.lists = append(k.lists, []keyName{n})
		*end = uint8(len(k.lists)) //nolint:gosec // at most MaxUint8
	default:
		k.other = append(k.other, n)
	}
}

// pairOf is an index for two bytes, the same for upper and lower case.
func pairOf(a, b byte) int { return int(a&31)<<5 | int(b&31) }

// has reports whether the set has key, which stands in the groups of path.
func (k *keySet) has(path []string, key string) bool {
	if k.hasName(key, false) {
		return true
	}
	if size := len(strings.TrimRight(key, "]")); size > 0 && isDigit(key[size-1]) &&
		k.hasName(strings.TrimRight(key, "]0123456789"), true) {
		return true // password2, password[0]
	}
	for _, n := range k.other {
		if fold(key[strings.LastIndexByte(key, '.')+1:]) == n.text {
			return true
		}
	}
	for _, p := range k.paths {
		if endsWith(path, key, p) {
			return true
		}
	}
	return false
}

// hasName reports whether one of the lists has key; part leaves out the names
// that have to be all of a key.
func (k *keySet) hasName(key string, part bool) bool {
	last := len(key) - 1
	for last > 0 && isPunct(key[last]) {
		last--
	}
	prev := last - 1
	for prev > 0 && isPunct(key[prev]) {
		prev--
	}
	if prev >= 0 {
		if list := k.ends[pairOf(key[prev], key[last])]; list > 0 {
			for _, n := range k.lists[list-1] {
				if (!part || n.fit != whole) && n.fits(key[:last+1]) {
					return true
				}
			}
		}
	}
	return false
}

// fits compares backwards, past the punctuation within key.
func (n keyName) fits(key string) bool {
	i, j := len(key)-1, len(n.text)-1
	for ; j >= 0; i-- {
		if i < 0 || key[i] == '.' {
			return false
		}
		if isPunct(key[i]) {
			continue
		}
		if lower(key[i]) != n.text[j] {
			return false
		}
		j--
	}
	switch {
	case i < 0 || n.fit == ending:
		return true
	case n.fit == word:
		// dbPass and DBPass, not BYPASS
		return isPunct(key[i]) || isUpper(key[i+1]) && (!isUpper(key[i]) || i+2 < len(key) && isLower(key[i+2]))
	default:
		for ; i >= 0 && key[i] != '.'; i-- {
			if !isPunct(key[i]) {
				return false
			}
		}
		return true
	}
}

// endsWith reports whether the elements of path and key end in those of want.
func endsWith(path []string, key string, want []string) bool {
	for _, elem := range slices.Backward(want) {
		for key == "" {
			if len(path) == 0 {
				return false
			}
			path, key = path[:len(path)-1], path[len(path)-1]
		}
		dot := strings.LastIndexByte(key, '.')
		if elem != "*" && fold(key[dot+1:]) != elem {
			return false
		}
		key = key[:max(dot, 0)]
	}
	return true
}

// fold returns s in lower case and without the punctuation that styles of
// writing keys differ in.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

func isPunct(c byte) bool {
	return c < utf8.RuneSelf && (c < '0' || '9' < c && c < 'A' || 'Z' < c && c < 'a' || 'z' < c)
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return c >= utf8.RuneSelf || !isPunct(c) }

func lower(c byte) byte {
	if isUpper(c) {
		c += 'a' - 'A'
	}
	return c
}
