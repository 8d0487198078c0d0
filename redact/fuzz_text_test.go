package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/testlog"
)

// A planter makes the same values, texts and attrs for the same seed and data,
// and hides secrets in them. A clean one makes what has none, and looks like it.
type planter struct {
	*testlog.Random
	data    string // of the fuzzer: beside secrets, and around them where anything may be
	clean   bool
	own     bool     // there are rules for plantedOwn and the like
	secrets []string // each contiguous part of what has been planted
	room    int      // how many values may still be made
}

func newPlanter(seed uint64, data string, clean, own bool) *planter {
	return &planter{Random: testlog.NewRandom(seed), data: data[:min(len(data), 64)], clean: clean, own: own, room: 24}
}

const (
	latin    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	decimals = "0123456789"
	alnum    = latin + decimals
)

// oneOf returns one of list.
func oneOf[T any](p *planter, list ...T) T { return list[p.IntN(len(list))] }

// from returns n bytes of an alphabet.
func (p *planter) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[p.IntN(len(alphabet))]
	}
	return string(b)
}

// plant keeps what must not be printed.
func (p *planter) plant(secret string) string {
	p.secrets = append(p.secrets, secret)
	return secret
}

// core plants a secret without anything in it that could end it.
func (p *planter) core() string {
	if p.clean {
		return oneOf(p, "visible", "Berlin", "12", "2026-11-22", "v1.2.3")
	}
	n := oneOf(p, 8, 9, 12, 20, 40, 100)
	switch p.IntN(4) {
	case 0:
		return p.plant(p.from(latin, n))
	case 1:
		return p.plant(p.from("abcdefghijklmnopqrstuvwxyz", n))
	case 2:
		return p.plant(p.from("123456789", 10+n%7))
	default:
		return p.plant(p.from(alnum, n))
	}
}

// odd plants a secret of several parts with any of between around and among them.
func (p *planter) odd(between ...string) string {
	if len(between) == 0 || p.IntN(3) == 0 {
		return p.core()
	}
	var b strings.Builder
	if p.IntN(4) == 0 {
		b.WriteString(oneOf(p, between...))
	}
	b.WriteString(p.core())
	for range 1 + p.IntN(3) {
		b.WriteString(oneOf(p, between...))
		b.WriteString(p.core())
	}
	if p.IntN(4) == 0 {
		b.WriteString(oneOf(p, between...))
	}
	return b.String()
}

// anything plants a secret for a place that nothing can end.
func (p *planter) anything() string {
	if p.clean {
		return p.odd(" ", "\n", `"`, `\`, "&", "{", "]", "\x00", "\x1b[0m", "日本", "\xff", "%", "\r\n", "\u202e")
	}
	return p.odd(
		" ", "\n", `"`, `\`, `'`, "`", "&", "=", ": ", ", ", "{", "}", "[", "]", "\x00", "\x1b[0m", "\u00e9", "日本", "\xff", "\u2028",
		"%", "<", ">", "password=", `":"`, "[REDACTED]", "://", "@", "#", "\r\n", "\t", "\u202e", "😀", p.data,
	)
}

// aKey returns the name of something secret, in any style of writing.
func (p *planter) aKey() string {
	if !p.clean && p.IntN(3) == 0 {
		return p.ruleKey()
	}
	words := strings.Fields(oneOf(p,
		"password", "db password", "user pass", "api key", "access token", "client secret", "private key", "session id", "csrf", "otp",
		"pwd", "cvv", "auth token", "refresh token", "passphrase", "secret key", "set cookie", "authorization", "proxy authorization",
		"credentials", "jwt", "x api key", "ssn", "passcode", "signing key", "id token", "cookie", "secret", "token", "passwd",
		"x csrf token", "password hash", "aws secret access key", "session", "encryption key", "db pwd",
	))
	if p.clean {
		words = strings.Fields(oneOf(p,
			"user", "id", "token type", "max tokens", "secretary", "author", "keyboard", "path", "data", "host name", "compass", "n",
		))
	}
	switch p.IntN(8) {
	case 0:
		return strings.Join(words, "-")
	case 1:
		return strings.ToUpper(strings.Join(words, "_"))
	case 2:
		return words[0] + strings.Join(titled(words[1:]), "")
	case 3:
		return strings.Join(titled(words), "")
	case 4:
		return strings.Join(titled(words), "-")
	case 5:
		return oneOf(p, "smtp.", "spring.datasource.", "a.b.") + strings.Join(words, "_")
	}
	key := strings.Join(words, "_")
	if !p.clean && !isHeaderKey(key) { // a header has no number
		key += oneOf(p, "", "2", "[0]")
	}
	return key
}

// titled returns words with an upper case letter each.
func titled(words []string) []string {
	list := make([]string, 0, len(words))
	for _, w := range words {
		list = append(list, strings.ToUpper(w[:1])+w[1:])
	}
	return list
}

// isHeaderKey reports whether the value of key goes on after a space.
func isHeaderKey(key string) bool {
	key = strings.ToLower(key)
	return strings.HasSuffix(key, "authorization") || strings.HasSuffix(key, "cookie")
}

// aWord returns the name of something harmless.
func (p *planter) aWord() string {
	return oneOf(p, "a", "user", "data", "x y", "n", "body", "msg", "time", "level", "logger", "error", "tags", "@metadata", "labels", "trace.id", "host")
}

// text returns a text with a secret in it that its form, or a key in the text, gives away.
func (p *planter) text() string { return p.textAt(0) }

func (p *planter) textAt(depth int) string {
	if p.clean {
		return p.harmless()
	}
	s := p.form(depth)
	if p.IntN(4) == 0 {
		s += oneOf(p, " ", "\n", ", ", "; ", " | ", "\r\n\r\n") + p.form(depth)
	}
	if p.IntN(3) > 0 {
		s = oneOf(p,
			" ", "login: ", "x\n", `" `, "(", "日本 ", "\xff ", "a=b, ", "{", "[1,", `{"a":1} `, "= ", ": ", "<", "user: ", "id=", "[", `\`+"\n",
			"session: ", "token: ", "key: ", "pwd=/home/bob ", "password: null ", "session=\n", "session: [REDACTED] ", "[REDACTED ", "secret=>",
			"password: ", "api_key=", "Bearer ", "<password>", "eyJ ", "-----BEGIN X-----\n", "cookie: a; ", "authorization: x\n", ":// ", "{[",
			"token=true ", `password="x" `, "password=a b ", "::", "std::token::", "a:b@", "%3D ", "? ", "http://h/?a=", p.aside(), "\n"+p.aside(),
		) + s
	}
	return s + oneOf(p, "", "", " ok", "\n", ` "`, ")", "}", "]", "\xff", ", user=bob", ".", "; b=c", "\n"+p.data)
}

// aside returns the fuzzer's text as a line of its own, if it does not leave a
// quote or a bracket open: where one that is not closed ends is anybody's guess.
func (p *planter) aside() string {
	if strings.ContainsAny(p.data, "\"'`{[\\") {
		return "\n"
	}
	return p.data + "\n"
}

// harmless returns a text without a secret that has something of one.
func (p *planter) harmless() string {
	if p.IntN(4) == 0 {
		return p.Text()
	}
	return oneOf(p,
		"", " ", "password reset requested", "token expired for user 5", "secretary=bob", "the token bucket is full", "session closed", "bypass=1 compass=north", "max_tokens=100", "PWD=/home/bob", "token=null", `password=""`,
		"token_type=Bearer expires_in=3600", "std::token::next", "?code=404&x=1", `{"has_password":true}`, `{"name":"color","value":"red"}`,
		"key=value", "monkey=1", "id=7f1f9b8e-3c1c-4d9a-8e8a-0b6f5f1d2c3b", "commit 3cfd338a55b9d3e1f0a2b4c6d8e0f1a3b5c7d9e1",
		"2026-11-21T23:30:00.123456789Z", "1763767845123456789", "4111111111111112", "https://example.com:8080/users/bob@example.com",
		"http://[::1]:8080/a@b", "https://bob@example.com/", "bearer of bad news", "basic authentication", "AKIA is a prefix", "eyJ", "C:\\Users\\bob",
		`{"a":1,"b":[true,null,"x"]}`, `{"a":"\u00e9\n"}`, "{not json", "[1,2", `say "hi"`, "a=b&c=d", "://", "::", "==", "\x1b[31mred", "日本",
		"session: [REDACTED]", "password=[REDACTED]", "<a>b</a>", "SELECT * FROM t WHERE a = 'b'", "curl -v https://h/", "map[a:b c:d]", "{Name:bob N:1}",
	)
}

// form returns a form of text with a secret.
func (p *planter) form(depth int) string {
	if depth > 3 {
		return p.known()
	}
	if p.own && p.IntN(8) == 0 {
		return p.ownText()
	}
	switch p.IntN(16) {
	case 0, 1:
		return p.known()
	case 2, 3, 4:
		return p.pair(depth)
	case 5, 6:
		return p.jsonText(depth)
	case 7:
		return p.urlText()
	case 8:
		return p.header()
	case 9:
		return "\n" + p.yaml()
	case 10:
		return p.command()
	case 11:
		return p.xml()
	case 12:
		return p.printed()
	case 13: // quoted once, as in logfmt
		s := oneOf(p, func() string { return p.pair(depth + 2) }, p.header, p.urlText)()
		if strings.ContainsAny(s, "\\%`\t\r\n") || strings.Contains(s, `"name"`) || strings.Contains(s, `"--`) {
			return s // what is escaped twice is not looked for
		}
		return oneOf(p, "msg=", "body: ", "error: ", "") + strconv.Quote(s)
	case 14: // percent-encoded once
		return oneOf(p, "/p?next=", "body=") + url.QueryEscape(p.aKey()+"="+p.core()+oneOf(p, "", "&x=1")) + oneOf(p, "", "&y=2", " ok")
	default:
		return oneOf(p, "user=bob ", "GET / ", "a: ", "(", "at=info ", "x ") + p.form(depth+1)
	}
}

// known returns a secret that is known by its own form, without any key.
func (p *planter) known() string {
	if p.IntN(2) == 0 {
		return oneOf(p, "", "", "日本") + p.issued()
	}
	long := func(n int) string { return p.plant(p.from(alnum, n-1) + "7") }
	switch p.IntN(27) {
	case 0:
		return "eyJhbGciOiJIUzI1NiJ9." + long(40) + "." + long(43)
	case 1:
		return oneOf(p, "ghp_", "gho_", "ghu_", "ghs_", "ghr_") + long(36)
	case 2:
		return "github_pat_" + long(22) + "_" + long(59)
	case 3:
		return oneOf(p, "glpat-", "gldt-", "glrt-", "glptt-") + long(20)
	case 4:
		return oneOf(p, "xoxb-", "xoxp-", "xapp-") + long(30)
	case 5:
		return oneOf(p, "sk_live_", "sk_test_", "rk_live_") + long(24)
	case 6:
		return "AIza" + long(35)
	case 7:
		return "npm_" + long(36)
	case 8:
		return oneOf(p, "AKIA", "ASIA") + p.plant(p.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16))
	case 9:
		return oneOf(p, "Bearer ", "bearer ", "BEARER  ") + long(oneOf(p, 8, 20, 64))
	case 10:
		user := base64.StdEncoding.EncodeToString([]byte("user:" + p.core()))
		return "Basic " + p.plant(strings.TrimRight(user, "=")) + user[len(strings.TrimRight(user, "=")):]
	case 11:
		kind := oneOf(p, "", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")
		nl := oneOf(p, "\n", "\r\n", `\n`)
		return "-----BEGIN " + kind + "PRIVATE KEY-----" + nl + long(64) + nl + long(40) + "==" + nl + "-----END " + kind + "PRIVATE KEY-----"
	case 12:
		return "-----BEGIN PRIVATE KEY-----\n" + long(64) + "\n" + long(40) // cut off
	case 13:
		return "hooks.slack.com/services/" + long(9) + "/" + long(24)
	case 14:
		return "https://api.telegram.org/bot" + p.from("123456789", 9) + ":" + long(35) + "/getMe"
	case 15:
		return "https://discord.com/api/webhooks/" + p.from("123456789", 18) + "/" + long(68)
	case 16:
		return oneOf(p, "sk-proj-", "sk-ant-", "sk-svcacct-") + long(40)
	case 17:
		return "SG." + long(22) + "." + long(43)
	case 18:
		return "ya29." + long(60)
	case 19:
		return oneOf(p, "hvs.", "hvb.") + long(30)
	case 20:
		return "dop_v1_" + long(64)
	case 21:
		return "$2b$12$" + long(53)
	case 22:
		return p.card()
	case 23:
		return oneOf(p, "postgres", "amqps", "redis", "https") + "://" + oneOf(p, "u", "bob", "x-access-token", "") + ":" + p.core() + "@" + oneOf(p, "h", "db.example.com:5432") + "/d"
	case 24:
		return "user:" + p.core() + "@" + oneOf(p, "tcp(h:3306)", "unix(/s)") + "/db"
	case 25:
		return p.iban()
	default:
		return "whsec_" + long(32)
	}
}

// card plants the number of a card that passes the Luhn check.
func (p *planter) card() string {
	number := oneOf(p, "411", "51", "3", "6011")
	switch number {
	case "3": // American Express
		number += "7" + p.from(decimals, 12)
	default:
		number += p.from(decimals, 15-len(number))
	}
	sum := 0
	for i, c := range number {
		d := int(c - '0')
		if (len(number)-i)%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	number += strconv.Itoa((10 - sum%10) % 10)
	sep := oneOf(p, "", " ", "-")
	if sep == "" || len(number) != 16 {
		return p.plant(number)
	}
	return p.plant(number[:4] + sep + number[4:8] + sep + number[8:12] + sep + number[12:])
}

// pair returns a key and its value in text.
func (p *planter) pair(depth int) string {
	key := p.aKey()
	if p.IntN(8) == 0 && !strings.ContainsAny(key, ".[") {
		key = oneOf(p, "user[", "a.b[", "data[user][") + key + "]"
	}
	if p.IntN(6) == 0 {
		key = oneOf(p, `"`, `'`) + key
		key += key[:1]
	}
	if isHeaderKey(strings.Trim(key, `'"`)) {
		return key + oneOf(p, ": ", ":", "=", " = ") + p.core()
	}
	if strings.ContainsAny(key, "\"'") {
		return key + oneOf(p, ": ", ":", " : ", " => ") + p.quotedValue()
	}
	sep := oneOf(p, "=", ": ", ":", " = ", " => ", "=>", " := ", " : ", ":\t", "==")
	return key + sep + p.pairValue(depth)
}

// quotedValue returns a value in quotes.
func (p *planter) quotedValue() string {
	switch p.IntN(4) {
	case 0:
		return strconv.Quote(p.odd(" ", `"`, `\`, "'", "=", "&", ", ", "\n", "}", "日本", "\x00", ": ", "password="))
	case 1:
		s := p.odd(" ", `"`, `\'`, "''", "=", "&", ", ", "}", ": ")
		return "'" + s + "'"
	case 2:
		return "`" + p.odd(" ", `"`, "=", "&", ", ", "}") + "`"
	default:
		return p.core()
	}
}

func (p *planter) pairValue(depth int) string {
	switch p.IntN(10) {
	case 0, 1, 2:
		return p.quotedValue()
	case 3:
		return "{" + oneOf(p, "a:", `"a":`, "a: ") + p.odd(" ", ", b:", "[1]") + "}"
	case 4:
		return "[" + p.odd(" ", ", ", " {x} ") + "]"
	case 5:
		if depth < 3 {
			return p.form(depth + 1)
		}
	case 6:
		return p.core() + p.odd("&", ",", ";", "|", "(", ")", "<", ">", `"`, "'", "$", "!", "%", "^", "*", "+", "~", "?", "/", "=", ":", "\\", "日本", "\xff", "@", "#", "{", "}", "[", "]")
	default:
	}
	return p.core()
}

// jsonText returns JSON, whole or in text.
func (p *planter) jsonText(depth int) string {
	b, err := json.Marshal(p.jsonValue(depth))
	if err != nil {
		panic(err)
	}
	s := string(b)
	switch p.IntN(10) {
	case 0:
		return "got " + s + " end"
	case 1:
		return "body=" + s + " status=200"
	case 2:
		return s + "\n" + s
	case 3:
		return escapeAll(s)
	case 4:
		s = strings.ReplaceAll(s, `,"`, ", \n\t\""+"")
		return strings.ReplaceAll(s, `":`, `" : `)
	case 6:
		if !strings.Contains(s, `\`) && !strings.Contains(s, `"name"`) && !strings.Contains(s, `"--`) {
			return strings.Trim(strconv.Quote(s), `"`) // escaped once
		}
	default:
	}
	return s
}

// cutOff returns the beginning of a text of JSON, up to the secret in it.
func (p *planter) cutOff() string {
	if p.clean {
		return p.harmless()
	}
	return oneOf(p, "", "body: ", "x ") + `{"user":"bob","` + p.aKey() + `":` + oneOf(p, `"`, `["a","`, `{"a":"`, "") + p.core()
}

// jsonValue returns a value of JSON with a secret in it.
func (p *planter) jsonValue(depth int) any {
	secret := func() any {
		return []any{p.anythingInText(), []any{1, p.anythingInText()}, map[string]any{"v": p.anythingInText()}}[p.IntN(3)]
	}
	switch p.IntN(9) {
	case 0:
		return map[string]any{"a": 1, p.aKey(): secret(), "z": nil}
	case 1:
		return []any{1, nil, map[string]any{p.aKey(): secret()}}
	case 2:
		return map[string]any{"a": []any{map[string]any{"b": p.textAt(depth + 1)}}}
	case 3:
		return map[string]any{p.textAt(depth + 1): 1}
	case 4:
		inner, err := json.Marshal(map[string]any{p.aKey(): secret(), "n": 1})
		if err != nil {
			panic(err)
		}
		return map[string]any{"body": string(inner)}
	case 5:
		return map[string]any{"name": p.aKey(), "value": p.anythingInText()}
	case 6:
		if p.clean {
			return []any{"run", "--user", p.core()}
		}
		return []any{"run", "--" + oneOf(p, "password", "token", "api-key"), p.core(), "x"}
	case 7:
		if p.clean {
			return 1
		}
		return map[string]any{p.aKey(): json.Number(p.plant(p.from("123456789", 12)))}
	default:
		return []any{p.textAt(depth + 1), p.textAt(depth + 2)}
	}
}

// anythingInText is anything that JSON can say.
func (p *planter) anythingInText() string { return strings.ToValidUTF8(p.anything(), "x") }

// escapeAll writes every letter of the strings of a JSON text as an escape.
func escapeAll(s string) string {
	var b strings.Builder
	in := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			in = !in
			b.WriteByte(c)
		case in && c == '\\':
			b.WriteString(s[i : i+2])
			i++
			if s[i] == 'u' {
				b.WriteString(s[i+1 : i+5])
				i += 4
			}
		case in && strings.IndexByte(latin, c) >= 0:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (p *planter) urlText() string {
	key := url.QueryEscape(p.aKey())
	switch p.IntN(6) {
	case 0:
		return "https://h/p?a=1&" + key + "=" + p.core() + "&b=2#top"
	case 1:
		return "GET /p?" + key + "=" + p.core() + " 200"
	case 2:
		return "https://h/cb#" + key + "=" + p.core() + "&x=1"
	case 3:
		return (&url.URL{Scheme: "https", Host: "h", User: url.UserPassword("u", p.odd("/", ":", "!", "é")), RawQuery: key + "=" + p.core()}).String()
	case 4:
		return url.Values{p.aKey(): {p.odd(" ", "&", "=", "é"), p.core()}, "z": {"1"}}.Encode()
	default:
		return "https://h/" + oneOf(p, "?sig=", "?X-Amz-Signature=", "?code=4") + p.plant(p.from(alnum, 24)) + oneOf(p, "", "&x=1")
	}
}

func (p *planter) header() string {
	switch p.IntN(7) {
	case 0:
		return oneOf(p, "Authorization", "authorization", "Proxy-Authorization") + ": " + oneOf(p, "Bearer ", "Token ", "Basic ", "NTLM ", "DPoP ", "") + p.core()
	case 1:
		return "Cookie: a=b; c=" + p.core() + "; d=" + p.core() + oneOf(p, "", "\r\nHost: h")
	case 2:
		return "Set-Cookie: sid=" + p.core() + "; Path=/; HttpOnly"
	case 3:
		return "GET / HTTP/1.1\r\nHost: h\r\n" + oneOf(p, "X-Api-Key", "x-auth-token", "X-CSRF-Token") + ": " + p.core() + "\r\nAccept: */*\r\n"
	case 4:
		return `Authorization: Digest username="u", nonce="` + p.core() + `", response="` + p.core() + `"`
	case 5:
		return "map[Authorization:[Bearer " + p.core() + "] Accept:[a b] X-Api-Key:[" + p.core() + "]]"
	default:
		return oneOf(p, "session: ", "headers: ", "token=a&") + "Authorization: Bearer " + p.core()
	}
}

func (p *planter) yaml() string {
	nl := oneOf(p, "\n", "\r\n")
	key := p.aKey()
	switch p.IntN(5) {
	case 0:
		return "db:" + nl + "  user: bob" + nl + "  " + key + ": " + p.core() + nl + "  port: 1"
	case 1:
		return key + ": " + oneOf(p, "|", ">", "|-", ">+") + nl + "  " + p.odd(" ", ": ") + nl + "  " + p.core() + nl + "user: bob"
	case 2:
		return "a:" + nl + "  " + key + ":" + nl + "    - " + p.core() + nl + "    - x: " + p.core() + nl + "  user: bob"
	case 3:
		return key + ": !!str " + p.core()
	default:
		return "- " + key + `: "` + p.odd(" ", ": ", "'") + `"`
	}
}

func (p *planter) command() string {
	flag := oneOf(p, "--password", "--token", "--client-secret", "--api-key", "--db-password", "--access-key", "-password")
	switch p.IntN(7) {
	case 0:
		return "mysql " + flag + " " + p.core() + " db"
	case 1:
		return "mysql " + flag + "=" + p.core() + " db"
	case 2:
		return "mysql " + flag + oneOf(p, " ", "=") + `"` + p.odd(" ", "=", "'") + `" db`
	case 3:
		return `curl -H "Authorization: Bearer ` + p.core() + `" https://h/`
	case 4:
		return "curl -s " + oneOf(p, "-u ", "--user ", "--user=") + "bob:" + p.core() + " https://h/"
	case 5:
		return "DB_PASSWORD=" + p.core() + " ./run"
	default:
		return oneOf(p, "ALTER USER u WITH PASSWORD '", "CREATE USER u IDENTIFIED BY '", "alter role x password '") + p.odd(" ", "=", `"`) + "';"
	}
}

func (p *planter) xml() string {
	name := oneOf(p, "password", "Password", "wsse:Password", "api-key", "client_secret", "sessionId", "access_token")
	switch p.IntN(3) {
	case 0:
		return "<user><" + name + ">" + p.odd(" ", "&amp;", "\n", "=") + "</" + name + "></user>"
	case 1:
		return "<" + name + ` Type="x">` + p.core() + "</" + name + ">"
	default:
		return `<db user="bob" password="` + p.odd(" ", "'", "&lt;") + `"/>`
	}
}

// printed returns what package fmt prints of maps and structs.
func (p *planter) printed() string {
	switch p.IntN(4) {
	case 0:
		return fmt.Sprint(map[string]any{"user": "bob", "password": p.core(), "zz": []any{1, map[string]string{"apiKey": p.core()}}})
	case 1:
		return fmt.Sprintf("%+v", struct {
			User, Password string
			N              int
		}{"bob", p.core(), 1})
	case 2:
		return fmt.Sprintf("%#v", map[string][]string{"Cookie": {p.odd(" ", "; ", `"`)}, "A": {"b"}})
	default:
		return fmt.Sprintf("%#v", struct {
			Token string
			N     int
		}{p.odd(" ", `"`, "}"), 1})
	}
}

// uniqueStrings returns list without what is there twice.
func uniqueStrings(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
