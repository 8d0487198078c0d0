package logstash

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// leastSecret is the length from which on something counts as a secret.
// Otherwise the value "1" of a header would hide half of each text.
const leastSecret = 6

// secrets are the parts of a request that no text for people may show. A
// receiver may repeat them in its answer, as may anything before it.
type secrets []string

// secretsOf returns what may be secret of a request: credentials, the values of
// the user's header, and the query.
func secretsOf(t target, header http.Header, o *DialOptions) secrets {
	var s secrets
	for name, values := range header {
		switch name {
		case "Content-Type", "Content-Encoding", "User-Agent", "Accept":
			continue
		}
		s.add(values...)
	}
	for _, value := range header["Authorization"] {
		if _, credentials, found := strings.Cut(value, " "); found {
			value = credentials
		}
		// JSON and HTML may write what is neither a letter nor a digit in another way.
		s.add(strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	}
	s.add(o.Password)
	if password, set := t.user.Password(); set {
		s.add(password)
	}
	_, query, _ := strings.Cut(t.path, "?")
	for field := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(field, "=")
		s.add(value)
		if plain, err := url.QueryUnescape(value); err == nil {
			s.add(plain)
		}
	}
	return s
}

func (s *secrets) add(values ...string) {
	for _, v := range values {
		if len(v) >= leastSecret {
			*s = append(*s, v)
		}
	}
}

// hide returns text up to the first secret in it. What follows may be a part of
// another one.
func (s secrets) hide(text string) string {
	for _, secret := range s {
		if before, _, found := strings.Cut(text, secret); found {
			text = before + "***"
		}
	}
	return text
}

// longest returns the length of the longest secret.
func (s secrets) longest() int {
	n := 0
	for _, secret := range s {
		n = max(n, len(secret))
	}
	return n
}
