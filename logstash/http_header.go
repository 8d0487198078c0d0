package logstash

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// requestHeader returns the header of every request to t, and its Host, which
// is "" unless the user wants another one than that of the address.
func requestHeader(t target, o *DialOptions) (header http.Header, host string, err error) {
	header = http.Header{
		"Content-Type": {"application/json"},
		"User-Agent":   {"sluice"},
	}
	if o.CompressionLevel > 0 {
		header.Set("Content-Encoding", "gzip")
	}
	given := make(http.Header)
	for name, values := range o.Header {
		if err := checkField(name, values); err != nil {
			return nil, "", fmt.Errorf("logstash: DialOptions.Header: %w", err)
		}
		for _, value := range values {
			given.Add(name, value)
		}
	}
	maps.Copy(header, given)
	if hosts := header["Host"]; len(hosts) > 0 {
		if len(hosts) > 1 || hosts[0] == "" || strings.ContainsAny(hosts[0], " \t/@?#") {
			return nil, "", fmt.Errorf("logstash: DialOptions.Header: Host %q: want one host or host:port", hosts)
		}
		host = hosts[0]
		delete(header, "Host")
	}
	return header, host, setCredentials(header, t, o)
}

// setCredentials adds the header Authorization, if there is one.
func setCredentials(header http.Header, t target, o *DialOptions) error {
	user, password := o.Username, o.Password
	if t.user != nil {
		user = t.user.Username()
		password, _ = t.user.Password()
	}
	_, own := header["Authorization"]
	basic := user != "" || password != ""
	switch {
	case t.user != nil && o.Username+o.Password != "":
		return errors.New("logstash: DialOptions.Username, Password: want them there, or in the address, not in both")
	case basic && o.BearerToken != "":
		return errors.New("logstash: DialOptions.BearerToken: want it, or a user and a password, not both")
	case own && (basic || o.BearerToken != ""):
		return errors.New("logstash: DialOptions.Header: Authorization: want it there, or in Username and Password, " +
			"or in BearerToken, not in two of them")
	case strings.Contains(user, ":"):
		return errors.New("logstash: DialOptions.Username: want no colon, which ends the name on its way") // RFC 7617, 2
	case hasControl(user + password):
		return errors.New("logstash: DialOptions.Username, Password: want no control characters")
	case strings.ContainsFunc(o.BearerToken, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("logstash: DialOptions.BearerToken: want printable ASCII without blanks")
	case basic:
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	case o.BearerToken != "":
		header.Set("Authorization", "Bearer "+o.BearerToken)
	}
	return nil
}

// checkField refuses a field that cannot be sent, or that would make another
// request of it. A value may be secret, so it is not repeated.
func checkField(name string, values []string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }) {
		return fmt.Errorf("%q: want a name of letters, digits and hyphens", name)
	}
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Content-Encoding", "Content-Length", "Expect", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade":
		return fmt.Errorf("%s: want it not there, as it is the transport's business", name)
	}
	if slices.ContainsFunc(values, hasControl) {
		return fmt.Errorf("%s: want no control characters in the value", name)
	}
	return nil
}

// isToken reports whether r may stand in the name of a field (RFC 9110, 5.6.2).
func isToken(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		r != 0 && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
