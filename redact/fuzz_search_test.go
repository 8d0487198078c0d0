package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A byteForm is how a printer of bytes writes each of them.
type byteForm struct {
	each [256]string
	sep  string
}

// byteForms are all forms of bytes that are looked for.
var byteForms = sync.OnceValue(func() []*byteForm {
	var forms []*byteForm
	for _, f := range [][2]string{
		{"%d", " "},
		{"%d", ","},
		{"%d", ", "},
		{"0x%x", ", "},
		{"0x%x", " "},
		{"%x", " "},
		{"%02x", ""},
		{"%02X", ""},
		{`\u%04x`, ""},
		{`\u%04X`, ""},
		{`\x%02x`, ""},
		{"%%%02X", ""},
		{"%%%02x", ""},
	} {
		form := &byteForm{sep: f[1]}
		for c := range form.each {
			form.each[c] = fmt.Sprintf(f[0], c)
		}
		forms = append(forms, form)
	}
	return forms
})

// spellings returns how a secret may look in an output.
func spellings(secret string) []string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		quoted = []byte(`""`)
	}
	inGo := strconv.Quote(secret)
	all := []string{
		secret, string(quoted[1 : len(quoted)-1]), inGo[1 : len(inGo)-1], url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
	}
	for _, form := range byteForms() {
		var b []byte
		for i, c := range []byte(secret) {
			if i > 0 {
				b = append(b, form.sep...)
			}
			b = append(b, form.each[c]...)
		}
		all = append(all, string(b))
	}
	for i := range 3 { // what is in base64 depends on where it begins
		text := append(make([]byte, i, i+len(secret)), secret...)
		from, to := (i*8+5)/6, len(text)*8/6
		all = append(all, base64.RawStdEncoding.EncodeToString(text)[from:to], base64.RawURLEncoding.EncodeToString(text)[from:to])
	}
	return uniqueStrings(all)
}

// maxWhole is how much of a secret is looked for as a whole. Of a longer one,
// its beginning, middle and end are.
const maxWhole = 16

// partsOf returns what of a secret must not be printed.
func partsOf(secret string) []string {
	if len(secret) <= maxWhole {
		return []string{secret}
	}
	mid := len(secret)/2 - 5
	return []string{secret[:10], secret[mid : mid+10], secret[len(secret)-10:]}
}

// A needle is what must not be in an output, and the secret that it is of.
type needle struct{ text, secret string }

// needles returns what must not be in an output for the secrets not to be.
func (p *planter) needles() []needle {
	var list []needle
	for _, secret := range uniqueStrings(p.secrets) {
		for _, part := range partsOf(secret) {
			for _, s := range spellings(part) {
				list = append(list, needle{s, secret})
			}
		}
	}
	return list
}

// leaks reports each secret that is in an output, as it is or spelled otherwise.
func leaks(t *testing.T, name string, needles []needle, out []byte) {
	t.Helper()
	reported := ""
	for _, n := range needles {
		if n.secret == reported {
			continue
		}
		if i := bytes.Index(out, []byte(n.text)); i >= 0 {
			reported = n.secret
			around := out[max(0, i-300):min(len(out), i+len(n.text)+100)]
			t.Errorf("%s: of the secret %q, there is %q in …%s…", name, n.secret, n.text, around)
		}
	}
}

// textsIn adds all texts of a decoded value of JSON, and of the JSON in them.
func textsIn(list []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		list = append(append(list, v...), 0)
		var inner any
		if strings.ContainsAny(v, `{["`) && json.Unmarshal([]byte(v), &inner) == nil {
			list = textsIn(list, inner)
		}
	case []any:
		for _, elem := range v {
			list = textsIn(list, elem)
		}
	case map[string]any:
		for key, elem := range v {
			list = textsIn(textsIn(list, key), elem)
		}
	}
	return list
}
