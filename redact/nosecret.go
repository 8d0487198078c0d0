package redact

import (
	"strings"
	"unicode/utf8"
)

// What is no secret, though it stands where one would. A word is of a list or it may
// be a secret: no list has letters and digits in a word that is not a package.
const (
	// Answers are all of a value that says whether there is one, of what type it is,
	// or what became of it.
	answers = "null nil none undefined true false yes no on off n/a na enabled disabled set unset missing " +
		"required invalid expired empty ok sent reused revoked absent optional denied rejected accepted " +
		"unchanged provided created updated rotated loaded closed active negotiated issued anonymous " +
		"include same-origin omit string str bytes int integer bool boolean"

	// Causes are the first words of what is said of a secret: hash password: too long.
	causes = "a access all already am an any are as at authentication authorization bad broken but by can " +
		"can't canceled cancelled cannot check closed connect connection context corrupt could couldn't " +
		"create deadline decode decrypt delete deleted dial did didn't do does doesn't don't duplicate " +
		"encode encoding eof error exceeded exec exit expected failed failure fatal fetch file for " +
		"forbidden found from get got grpc has have head http i/o if illegal in incorrect insufficient " +
		"internal is isn't it its length lookup make malformed method mismatch more must need needed " +
		"neither never new newline no nor not nothing open or out parse patch path permission please post " +
		"query read reading remote rename request reset response rpc shall should since socket stat " +
		"status success syscall the there this timed timeout tls to too took try unable unauthenticated " +
		"unauthorized unavailable unexpected unknown unmarshal unrecognized unsupported until " +
		"verification verify version wait was were while will with without write wrong"

	// Packages are what errors of Go begin with: sign token: x509: unknown key. A
	// word that is none of them may be the secret.
	packages = "aes amqp archive argon2 asn1 aws azure base32 base64 bcrypt bolt bufio bytes chacha20poly1305 cipher " +
		"cockroach compress config consul context cookie credentials crypto crypto/aes crypto/bcrypt crypto/cipher " +
		"crypto/ecdh crypto/ecdsa crypto/ed25519 crypto/elliptic crypto/hmac crypto/rsa crypto/tls crypto/x509 csrf csv curve25519 " +
		"database database/sql dns docker dsa dynamodb ec2 ecdh ecdsa ed25519 elliptic embed encoding/hex encoding/json errors etcd exec " +
		"flag flate fmt form fs gcp git gob gorm grpc gzip handler hex hmac html http http2 httputil iam io io/fs " +
		"ioutil jose json jwe jwk jwks jws jwt k8s kafka keyring kms kubernetes ldap log lz4 mail mime mongo mongodb " +
		"multipart mysql nats net net/http net/url netip oauth oauth1 oauth2 oidc openid openpgp os os/exec otp parser paseto " +
		"path pem pflag pgconn pgx pgxpool pkcs1 pkcs11 pkcs12 pkcs7 pkcs8 postgres pq proto protobuf quic rabbitmq rand redis reflect " +
		"regexp rfc rpc rsa runtime s3 saml sasl scram scrypt secretbox secretsmanager securecookie server session sessions sha1 sha256 " +
		"sha512 smtp snappy sql sqlite sqlite3 sqlx ssh ssm sso storage strconv strings sts sync syscall sysfs tar template " +
		"textproto time tls toml token totp unix url user utf8 uuid validation validator vault viper websocket webauthn x509 xml yaml " +
		"zip zlib zstd"

	// Hidden are what other programs put in the place of a secret.
	hidden = "redacted filtered masked hidden removed sanitized scrubbed censored protected omitted obfuscated"

	// Fillers go with other words in brackets: <not set>, (sensitive value).
	fillers = "not set sensitive secret value your the here"

	// Kinds are what parsers call what they have read.
	kinds = "name punc keyword operator identifier ident num number eof newline indent dedent"
)

// isOneOf reports whether a word, in any case, is in a list.
func isOneOf(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if len(w) == len(word) && strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// isNothing reports whether a value is what programs print for none, or says whether
// there is one, or of which type.
func isNothing(s string) bool {
	s = strings.TrimRight(strings.TrimLeft(s, "<(["), "\"'`:;,.)]}>|\\")
	return s == "" || isOneOf(answers, s)
}

// isNoSecret reports whether the bare value of key k, which begins at s[start], is
// none that could be masked.
func (w *walk) isNoSecret(s string, start, length int, k textKey) bool {
	value := s[start : start+length]
	return isNothing(value) || w.isPlaceholder(value) || isCountText(k.name, value[:wordEnd(value, "")]) ||
		meansElse(k.name, value) || w.isCall(value) ||
		w.isParameter(s, start, value) ||
		behindColon(s, start) && (w.saysWhy(k.name, s[start:]) || isVerdict(k.name, s[start:]) || isKind(k.name, s[start:]))
}

// meansElse reports whether a bare value shows that the key is none of a secret:
// PWD is a directory too, and a code in a query an error.
func meansElse(key, value string) bool {
	switch key := fold(key); key {
	case "pwd", "oldpwd":
		return value[0] == '/' || len(value) > 2 && value[1:3] == `:\`
	case "code", "sig", "signature":
		return len(value) < minCode
	case "pass":
		return isSmall(value)
	case "token":
		return isSmall(value) || len(value) > 1 && len(value) <= maxKind && isCapitals(value)
	default:
		return isOneOf("proxypass fastcgipass uwsgipass grpcpass scgipass memcachedpass firstpass secondpass highpass "+
			"lowpass bandpass renderpass", key)
	}
}

// maxKind bounds the kind of a token in capitals. A longer one may be a token.
const maxKind = 12

// isSmall reports whether s is a number that is none of a secret.
func isSmall(s string) bool {
	return len(s) <= 3 && strings.Trim(s, "0123456789") == ""
}

// isCapitals reports whether s is nothing but capitals and underscores.
func isCapitals(s string) bool { return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" }

// isLetters reports whether s is nothing but letters of ASCII in lower case.
func isLetters(s string) bool { return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == "" }

// saysWhy reports whether s, behind a key and a colon, goes on as errors do: read
// cookie: http: named cookie not present.
func (w *walk) saysWhy(key, s string) bool {
	word := s[:wordEnd(s[:min(len(s), maxType)], "")]
	next := s[skipIndent(s, len(word)):]
	if isHeader(key) && isMixed(next[:wordEnd(next[:min(len(next), maxKey)], "")]) {
		return false // the word is a scheme
	}
	if name, ok := strings.CutSuffix(word, ":"); ok {
		return w.sensitive(name) == none && (isOneOf(packages, name) || isOneOf(causes, name) || isOneOf(answers, name))
	}
	word = strings.TrimRight(word, ",.!")
	return isOneOf(causes, word) || isOneOf(answers, word)
}

// maxName bounds the name of a secret that stands in brackets for it.
const maxName = 12

// minMixed is the length of the shortest credentials behind a scheme that nobody knows.
const minMixed = 8

// isMixed reports whether a word has letters and digits, as credentials have.
func isMixed(word string) bool {
	return len(word) >= minMixed && strings.ContainsAny(word, "0123456789") &&
		strings.ContainsFunc(word, func(r rune) bool { return isLower(lower(byte(r & 0x7f))) })
}

// isVerdict reports whether s, behind a key and a colon, is a test that has passed.
func isVerdict(key, s string) bool {
	if key != "PASS" {
		return false
	}
	word := s[:wordEnd(s[:min(len(s), maxKey)], "")]
	for _, begin := range []string{"Test", "test", "Benchmark", "Example", "Fuzz"} {
		if strings.HasPrefix(word, begin) {
			return true
		}
	}
	return strings.IndexByte(word, '/') > 0 && !strings.ContainsAny(word, "0123456789")
}

// isKind reports whether s, behind a key and a colon, is what parsers call a token.
func isKind(key, s string) bool {
	return fold(key) == "token" && isOneOf(kinds, strings.TrimRight(s[:wordEnd(s[:min(len(s), maxType)], "")], ",."))
}

// isPlaceholder reports whether a value is what stands for a secret before it is
// there, or after another program has masked it.
func (w *walk) isPlaceholder(s string) bool {
	if len(s) > maxKey {
		return false
	}
	switch {
	case s == "":
		return false
	case len(s) > 2 && (strings.Trim(s, "*") == "" || strings.Trim(s, "xX") == "" || strings.Trim(s, "•") == ""):
		return true
	case s[0] == '%':
		return isOneOf("%s %v %q %d %w %x %+v %#v %T", s)
	case s[0] == '?':
		return len(s) == 1
	case strings.HasPrefix(s, "{{"):
		return isTemplate(s)
	case s[0] == '$':
		return w.isVariable(s[1:])
	case strings.IndexByte("<[(", s[0]) >= 0:
		return w.isBracketed(s)
	}
	return isOneOf("redacted filtered masked", s)
}

// isTemplate reports whether s is an expression of a template, which has a blank or
// a dot behind its braces; a struct that fmt prints has none.
func isTemplate(s string) bool {
	inner, ok := strings.CutSuffix(s[2:], "}}")
	if !ok || inner == "" || inner[0] != ' ' && inner[0] != '.' {
		return false
	}
	for _, c := range []byte(inner) {
		if !isLower(lower(c)) && strings.IndexByte(" ._-|", c) < 0 {
			return false
		}
	}
	return true
}

// isVariable reports whether a value is a variable, which a $ is before: that of a
// shell or of SQL.
func (w *walk) isVariable(s string) bool {
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		s, ok = strings.CutSuffix(inner, "}")
		return ok && (w.sensitive(s) != none && bareKey(s, len(s)) == 0 || isCapitals(s))
	}
	return s != "" && isSmall(s) || isCapitals(s) && w.sensitive(s) != none
}

// isBracketed reports whether s is words in brackets that say that there is none, or
// that it is hidden: <none>, [FILTERED], (sensitive value).
func (w *walk) isBracketed(s string) bool {
	last := s[len(s)-1]
	if len(s) < 3 || s[0] == '(' && last != ')' || s[0] != '(' && last != s[0]+2 {
		return false
	}
	words := strings.FieldsFunc(s[1:len(s)-1], func(r rune) bool { return r == ' ' || r == '_' || r == '-' })
	for _, word := range words {
		if !isOneOf(answers, word) && !isOneOf(hidden, word) && !isOneOf(fillers, word) && (s[0] != '<' || !w.namesItself(word)) {
			return false
		}
	}
	return len(words) > 0
}

// namesItself reports whether a word is the name of a secret and not one: password.
func (w *walk) namesItself(word string) bool {
	return isLetters(asciiLower(word)) && len(word) <= maxName && w.sensitive(word) != none
}

// bracketsEnd returns where the words in brackets end that s begins with, or 0.
func bracketsEnd(s string) int {
	if s == "" || s[0] != '<' && s[0] != '(' {
		return 0
	}
	return strings.IndexAny(s[:min(len(s), maxColor)], ">)") + 1
}

// isParameter reports whether the value at s[start] is a parameter of SQL: =:id.
func (w *walk) isParameter(s string, start int, value string) bool {
	name, ok := strings.CutPrefix(value, ":")
	if !ok && !strings.HasSuffix(s[:start], "=:") {
		return false
	}
	return w.sensitive(name) != none && isLetters(strings.ReplaceAll(name, "_", "")) || isOneOf("id key name value hash", name)
}

// isCall reports whether a value is source code that gets the secret: a call without
// arguments, or with the name of what it gets.
func (w *walk) isCall(s string) bool {
	name, args, ok := strings.Cut(s, "(")
	if !ok || strings.IndexByte(name, '.') <= 0 || !isLetters(asciiLower(strings.ReplaceAll(name, ".", ""))) {
		return false
	}
	args = strings.TrimRight(args, `);,`)
	name = strings.Trim(args, `"'`)
	return args == "" || len(name)+2 == len(args) && utf8.ValidString(name) && bareKey(name, len(name)) == 0 &&
		!strings.ContainsAny(name, "0123456789") && w.sensitive(name) != none
}
