package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/redact"
)

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLWhlcmU"

// M stands for the mask in the wanted texts.
const m = "[REDACTED]"

func TestStringMasksValuesOfSensitiveKeys(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"key and value", "login password=hunter2 ok", "login password=" + m + " ok"},
		{"colon", "Password: hunter2", "Password: " + m},
		{"upper case", "PASSWORD=hunter2", "PASSWORD=" + m},
		{"spaces around", "password = hunter2, user = bob", "password = " + m + ", user = bob"},
		{"prefix", "db_password=hunter2 DB-PASS=hunter2 userPwd=hunter2", "db_password=" + m + " DB-PASS=" + m + " userPwd=" + m},
		{"two words", "API key: hunter2", "API key: " + m},
		{"api keys", "api_key=a1 apikey=a2 api-key=a3 apiKey=a4", "api_key=" + m + " apikey=" + m + " api-key=" + m + " apiKey=" + m},
		{
			"other names", "passwd=a1 pwd=a2 passphrase=a3 client_secret=a4 access_key=a5 private_key=a6 session_id=a7",
			"passwd=" + m + " pwd=" + m + " passphrase=" + m + " client_secret=" + m + " access_key=" + m + " private_key=" + m + " session_id=" + m,
		},
		{"quoted with spaces", `password = "two words" next`, `password = "` + m + `" next`},
		{"single quotes", `password='two words' next`, `password='` + m + `' next`},
		{"escaped quote", `password="a\"b c" next`, `password="` + m + `" next`},
		{"escaped backslash", `password="a\\" next="x"`, `password="` + m + `" next="x"`},
		{"no closing quote", `password="two words`, `password="` + m},
		{"text after the quote", `password="a"b"c" next`, `password="` + m + `" next`},
		{"ampersand in a value", "password=a&b rest", "password=" + m + " rest"},
		{"quote in a value", `password=a"b rest`, "password=" + m + " rest"},
		{"form", "user=bob&password=hunter2&x=1", "user=bob&password=" + m + "&x=1"},
		{"arrows", `"password" => "hunter2", password := "x"`, `"password" => "` + m + `", password := "` + m + `"`},
		{"map of fmt", "map[password:hunter2 user:bob]", "map[password:" + m + " user:bob]"},
		{"struct of fmt", "{User:bob Password:hunter2}", "{User:bob Password:" + m + "}"},
		{"list of fmt", "secrets=[a b c] n=1", "secrets=" + m + " n=1"},
		{"bracketed key", "user[password]=hunter2", "user[password]=" + m},
		{"in brackets", "(password=hunter2)", "(password=" + m + ")"},
		{"in quotes", `msg="login password=hunter2"`, `msg="login password=` + m + `"`},
		{"end of sentence", "It was password: hunter2.", "It was password: " + m + "."},
		{"several lines", "password: hunter2\nuser: bob", "password: " + m + "\nuser: bob"},
		{"header", "Authorization: Bearer abc.def user=5", "Authorization: " + m + " user=5"},
		{"header of basic", "Authorization: Basic dXNlcjpwYXNz", "Authorization: " + m},
		{"header with parameters", `Authorization: Digest username="u", response="abc"` + "\nHost: x", "Authorization: " + m + "\nHost: x"},
		{"header of another scheme", "Proxy-Authorization: Foo bar baz", "Proxy-Authorization: " + m},
		{"header in a command", `curl -H "Authorization: Bearer abc" https://h/`, `curl -H "Authorization: ` + m + `" https://h/`},
		{"header behind a key", "session: Authorization: Bearer abcdefgh\nx", "session: " + m + " " + m + "\nx"},
		{"header within a value", "token=a&authorization=Bearer abcdefgh x", "token=" + m + " x"},
		{"quotes within a value", `token=a&password="b c" x`, "token=" + m + `" x`},
		{"scheme of any key", "token: Bearer abcdefgh x", "token: " + m + " x"},
		{"many keys within a value", strings.Repeat("token=", 40) + "a b", "token=" + m},
		{"header in a quoted text", `x: "Authorization: Digest a=\"u\", b=\"c\"" y`, `x: "Authorization: ` + m + `" y`},
		{"header in a text quoted twice", `x: \"Authorization: Digest a=\\\"u\\\", b=c\" y`, `x: \"Authorization: ` + m + `\" y`},
		{"quote at the beginning", `password='''abc def' x`, `password='` + m + `' x`},
		{"three quotes", `password = """a b""" x`, `password = "` + m + `" x`},
		{"value with brackets", "(password=a(b)c[0]) x {token:{a}}", "(password=" + m + ") x {token:" + m + "}"},
		{"cookies", "Cookie: a=b; c=d\r\nHost: x", "Cookie: " + m + "\r\nHost: x"},
		{"cookie to set", "Set-Cookie: sid=hunter2; Path=/; HttpOnly", "Set-Cookie: " + m},
		{"headers of fmt", "map[Authorization:[Bearer abc] Accept:[a b]]", "map[Authorization:" + m + " Accept:[a b]]"},
		{"query", "GET https://h/p?token=abc&page=2#top", "GET https://h/p?token=" + m + "&page=2#top"},
		{"query of a path", "GET /p?a=1&access_token=abc&b=2 200", "GET /p?a=1&access_token=" + m + "&b=2 200"},
		{"signed query", "https://h/p?X-Amz-Signature=abc&sig=a1b2c3d4e5f6g7h8i9j0", "https://h/p?X-Amz-Signature=" + m + "&sig=" + m},
		{"query of a signed URL", "https://h/p?sig=a1b2c3d4e5f6g7h8i9j0&code=a1b2c3d4e5", "https://h/p?sig=" + m + "&code=" + m},
		{"mixed overlaps", "npm_" + strings.Repeat("aB3dE6", 6) + "=x&password=hunter2", m + "=x&password=" + m},
		{"bearer-like schemes", "Authorization: DPoP abc x=1\nAuthorization: Token abc x=1", "Authorization: " + m + " x=1\nAuthorization: " + m + " x=1"},
		{"encoded colon", "x%22password%22%3A%22hunter2%22", "x%22password%22%3A" + m},
		{"long key", strings.Repeat("a", 100) + "_password=hunter2", strings.Repeat("a", 100) + "_password=" + m},
		{"rule and key together", "Bearer my1password=hunter2 x", "Bearer " + m + m + " x"},
		{"fragment", "https://h/#access_token=abc&x=1", "https://h/#access_token=" + m + "&x=1"},
		{"query in a query", "next=https%3A%2F%2Fh%2F%3Fpass%3Dabc%26x%3D1&y=2", "next=https%3A%2F%2Fh%2F%3Fpass%3D" + m + "%26x%3D1&y=2"},
		{"percent-encoded key", "user%5Bpassword%5D=hunter2&x=1", "user%5Bpassword%5D=" + m},
		{"user named like a key", "https://x-access-token:abc@github.com/o/r", "https://x-access-token:" + m + "@github.com/o/r"},
		{"json", `{"user":"bob","password":"hunter2"}`, `{"user":"bob","password":"` + m + `"}`},
		{"json number", `{"password": 12345}`, `{"password": "` + m + `"}`},
		{"json object", `{"password": {"a":["b"]}, "n":1}`, `{"password": "` + m + `", "n":1}`},
		{"json null", `{"password": null, "secret":""}`, `{"password": null, "secret":""}`},
		{"json keeps its bytes", `{ "a" : 1.50,  "password":"x", "z":"<&>\u00e9" }`, `{ "a" : 1.50,  "password":"` + m + `", "z":"<&>\u00e9" }`},
		{"json with an escaped key", `{"pass\u0077ord":"hunter2"}`, `{"pass\u0077ord":"` + m + `"}`},
		{"json with escaped text", `{"u":"https:\/\/u:hunter2@h"}`, `{"u":"https://u:` + m + `@h"}`},
		{"json in text", `body={"password":"hunter2","n":1} status=200`, `body={"password":"` + m + `","n":1} status=200`},
		{"json in json", `{"body":"{\"password\":\"hunter2\"}"}`, `{"body":"{\"password\":\"` + m + `\"}"}`},
		{"json cut off", `{"user":"bob","password":"hun`, `{"user":"bob","password":"` + m},
		{"json number cut off", `{"user":"bob","password": 12345, "x`, `{"user":"bob","password": "` + m + `", "x`},
		{"json escaped in text", `got {\"password\":\"hun\\\"ter2\",\"n\":1} end`, `got {\"password\":\"` + m + `\",\"n\":1} end`},
		{"json with a pair in a text", `{"m":"password=a b","n":1}`, `{"m":"password=` + m + ` b","n":1}`},
		{"json with a card", `[1,4111111111111111]`, `[1,"` + m + `"]`},
		{"lines below", "password: |\n  hunter2\n  x\nuser: bob", "password: |\n  " + m + "\nuser: bob"},
		{"line below", "a:\n  password:\n\n    value: hunter2\n  user: bob", "a:\n  password:\n\n    " + m + "\n  user: bob"},
		{"list below", "api_keys:\r\n  - hunter2\r\nx: y", "api_keys:\r\n  " + m + "\r\nx: y"},
		{"json cut off below", "x {\"password\":\n  \"hunter2\"", "x {\"password\":\n  " + m},
		{"initials", "DBPass=a1 SMTPPass=a2 DBPwd=a3 dbpass=a4 userpass=a5", "DBPass=" + m + " SMTPPass=" + m + " DBPwd=" + m + " dbpass=" + m + " userpass=" + m},
		{
			"suffixes", "password2=a1 password_hash=a2 SecretString=a3 secret_key_base=a4 token_value=a5 private_key_pem=a6 idTokens=a7",
			"password2=" + m + " password_hash=" + m + " SecretString=" + m + " secret_key_base=" + m + " token_value=" + m + " private_key_pem=" + m + " idTokens=" + m,
		},
		{"json of a name and a value", `{"env":[{"name":"DB_PASSWORD","value":"hunter2"}]}`, `{"env":[{"name":"DB_PASSWORD","value":"` + m + `"}]}`},
		{"json of arguments", `["x","--password","hunter2","y"]`, `["x","--password","` + m + `","y"]`},
		{"json of an environment", `["DB_PASSWORD=correct horse hunter2","A=b"]`, `["DB_PASSWORD=` + m + `","A=b"]`},
		{"list of %#v", `http.Header{"Cookie":[]string{"a=b; sid=hunter2"}, "A":1}`, `http.Header{"Cookie":"` + m + `", "A":1}`},
		{"map of %#v", `{"credentials":map[string]string{"x":"a hunter2"}, "a":1`, `{"credentials":"` + m + `", "a":1`},
		{"struct of %#v", `main.C{Password:main.DB{P:"a hunter2"}, N:1}`, `main.C{Password:` + m + `, N:1}`},
		{"word with braces", "password=a{b}hunter2 x", "password=" + m + " x"},
		{"rule over brackets", "postgres://u:hunter2[1]x@h/db", "postgres://u:" + m + "@h/db"},
		{"rule over an object", "redis://:ab{}hunter2@h", "redis://:" + m + "@h"},
		{"flag with brackets", "mysql --password hun[1]ter2 db", "mysql --password " + m + " db"},
		{"element with brackets", "<password>ab[1]cd</password>", "<password>" + m + "</password>"},
		{"doubled quotes", "password='it''s hunter2' x", "password='" + m + "' x"},
		{"type of YAML", "password: !!str hunter2", "password: !!str " + m},
		{"element of a query", "/p?password[0]=hunter2&x=1", "/p?password[0]=" + m + "&x=1"},
		{"masked before in JSON", `{"credentials":{"user":"` + m + `","x":[null,true,""]}} token={"a":"` + m + `"}`, `{"credentials":{"user":"` + m + `","x":[null,true,""]}} token={"a":"` + m + `"}`},
		{"masked in part", `{"credentials":{"user":"` + m + `","pin":5}}`, `{"credentials":"` + m + `"}`},
		{"key behind a colon", "app:password:hunter2 arn: token:hunter2", "app:password:" + m + " arn: token:" + m},
		{"word behind other letters", "日本csrf=hunter2 验证码otp: 123456", "日本csrf=" + m + " 验证码otp: " + m},
		{"list with a token in a name", `["ghp_` + strings.Repeat("aB3dE6", 6) + `_password=x","a"]`, `["` + m + `_password=` + m + `","a"]`},
		{"part of a form", "Content-Disposition: form-data; name=\"password\"\r\n\r\nhunter2 x\r\n--b--", "Content-Disposition: form-data; name=\"password\"\r\n\r\n" + m + "\r\n--b--"},
		{"part of a form in quotes", `"form-data; name=\"password\"\r\nA: b\r\n\r\nhunter2 x\r\n--b--\r\n"`, `"form-data; name=\"password\"\r\nA: b\r\n\r\n` + m + `\r\n--b--\r\n"`},
		{"parts of a form", "form-data; name=\"token\"\n\n\n--b\nform-data; name=\"pin\"; filename=\"a\"\n\n1\n--b\nform-data; name=\"token\"\n\nhunter2", "form-data; name=\"token\"\n\n\n--b\nform-data; name=\"pin\"; filename=\"a\"\n\n1\n--b\nform-data; name=\"token\"\n\n" + m},
		{"name and value of %+v", "{Name:session Value:hunter2 Quoted:false}", "{Name:session Value:" + m + " Quoted:false}"},
		{"name and value of %#v", `http.Cookie{Name:"session_token", Value:"a hunter2", Quoted:false}`, `http.Cookie{Name:"session_token", Value:"` + m + `", Quoted:false}`},
		{"key and value of protobuf", `labels:{key:"password" value:"a hunter2"} name: "x" value: "y"`, `labels:{key:"password" value:"` + m + `"} name: "x" value: "y"`},
		{"name and value of YAML", "env:\n- name: DB_PASSWORD\n  value: hunter2\n- name: A\n  value: b", "env:\n- name: DB_PASSWORD\n  value: " + m + "\n- name: A\n  value: b"},
		{"name and lines of YAML", "- name: DB_PASSWORD\n  value: |\n    a hunter2\n  x: y", "- name: DB_PASSWORD\n  value: |\n    " + m + "\n  x: y"},
		{"attributes of XML", `<add key="password" value="a hunter2"/>`, `<add key="password" value="` + m + `"/>`},
		{"element of XML by its name", `<property name="password">a hunter2</property>`, `<property name="password">` + m + `</property>`},
		{"name and value in quotes", `x="[{\"name\":\"DB_PASSWORD\",\"value\":\"a hunter2\"}]"`, `x="[{\"name\":\"DB_PASSWORD\",\"value\":\"` + m + `\"}]"`},
		{"json of a value and a name", `{"value":"hunter2","key":"DB_PASSWORD"}`, `{"value":"` + m + `","key":"DB_PASSWORD"}`},
		{"column of a database", "Key (api_key)=(a hunter2) already exists.", "Key (api_key)=(" + m + ") already exists."},
		{"columns of a database", "Key (lower(token), tenant)=(hun(ter2), 5) is here.", "Key (lower(token), tenant)=(" + m + ") is here."},
		{"colors", "\x1b[36mpassword\x1b[0m=hunter2 x", "\x1b[36mpassword\x1b[0m=" + m + " x"},
		{"colors around all", "\x1b[36mbearer\x1b[0m=\x1b[1;31m\"a hunter2\" x", "\x1b[36mbearer\x1b[0m=\x1b[1;31m\"" + m + "\" x"},
		{"colors in quotes", `"\x1b[36mpassword\x1b[0m=hunter2 x"`, `"\x1b[36mpassword\x1b[0m=` + m + ` x"`},
		{"dump of a string", ` Password: (string) (len=11) "a hunter2", N: (int) 5`, ` Password: (string) (len=11) "` + m + `", N: (int) 5`},
		{"dump of a list", "Secrets: ([]string) (len=1 cap=1) {\n (string) (len=7) \"hunter2\"\n},", "Secrets: ([]string) (len=1 cap=1) " + m + ","},
		{"dump of a number", "Otp: (int) 123456", "Otp: (int) " + m},
		{"value in parentheses", "password: (hunter2) x", "password: " + m + " x"},
		{"list at the indent of its key", "passwords:\n- hunter2\n- b c\nx: y", "passwords:\n" + m + "\nx: y"},
		{"key in a list", "- password:\n- user: bob", "- password:\n- user: bob"},
		{"tag of YAML before lines", "password: !vault |\n  hunter2\nx: y", "password: !vault |\n  " + m + "\nx: y"},
		{"tag of YAML", "password: !hunter2 hunter3 x", "password: " + m + " x"},
		{"anchor of YAML", "password: &a hunter2\nx: y", "password: " + m + "\nx: y"},
		{"lines up to a word", "password = <<-EOT\n  hunter2\n  EOT\nx = y", "password = <<-EOT\n" + m + "\n  EOT\nx = y"},
		{"lines up to a word that is missing", "token=<<EOT\nhunter2\nx", "token=<<EOT\n" + m},
		{"dump of cookies", "Cookies: a=hunter2; sid=hunter3", "Cookies: " + m},
		{"wide separators", "password：hunter2 token＝hunter3", "password：" + m + " token＝" + m},
		{"change", `~ password = "old" -> "a hunter2" # x`, `~ password = "` + m + `" -> "` + m + `" # x`},
		{"change from nothing", `db_password: "" => "hunter2", x: "a" => "b"`, `db_password: "" => "` + m + `", x: "a" => "b"`},
		{"key behind other letters", "令牌bearer: hunter2", "令牌bearer: " + m},
		{"tab in quotes", `body: "jwt:\t[AAAAAAAA {x} BBBBBBBB]"`, `body: "jwt:\t` + m + `"`},
		{"brackets around", "password: <hunter2> x, (token=<a1>)", "password: " + m + " x, (token=" + m + ")"},
		{"placeholder and more", "password=***hunter2 token=${hunter2} secret=$hunter2 psk=${A:-hunter2}", "password=" + m + " token=" + m + " secret=" + m + " psk=" + m},
		{"words that may be secrets", "password: correcthorse\npassword: no1 \npassword: not2\npassword=not so", "password: " + m + "\npassword: " + m + " \npassword: " + m + "\npassword=" + m + " so"},
		{"structs in a struct", "{Password:{{hunter2 x}}} {Password:{{ a1 }}}", "{Password:" + m + "} {Password:" + m + "}"},
		{"passwords, not verdicts", "PASS: hunter2 pass=hunter2 PASS: correcthorse", "PASS: " + m + " pass=" + m + " PASS: " + m},
		{"capitals of a token", "token=ABCDEFGHIJKLM token=AB1 api_token=ABC", "token=" + m + " token=" + m + " api_token=" + m},
		{"call with a secret", `password = crypt.Hash("hunter2") token=hunter(2)`, `password = ` + m + ` token=` + m},
		{"schemes of headers", "Authorization: Unknown a1b2c3d4e5\nAuthorization: Key abcdef\nCookie: not; sid=abc\nAuthorization: Signature keyId=a", "Authorization: " + m + "\nAuthorization: " + m + "\nCookie: " + m + "\nAuthorization: " + m},
		{"package, not a key", "session: authorization: abc", "session: " + m + " " + m},
		{"no package", "wrong password: swordfish: try again", "wrong password: " + m + " try again"},
		{"masked before", "password=" + m + " secret: " + m + ", x", "password=" + m + " secret: " + m + ", x"},
		{"a mask is no way past", "password=" + m + "hunter2 x", "password=" + m + " x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := redact.String(tt.in)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: mismatch (-want +got):\n%s", tt.in, diff)
			}
			if json.Valid([]byte(tt.in)) && !json.Valid([]byte(got)) {
				t.Errorf("JSON %s has become %s", tt.in, got)
			}
			if again := redact.String(got); again != got {
				t.Errorf("masked twice, %q becomes %q", got, again)
			}
		})
	}
}

func TestStringLeavesCleanTextAlone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", " ", "password reset requested", "token expired for user 5", "secretary=bob", "the token bucket is full",
		"no password", "password", "password:", "password=", `password=""`, `["a","password=\"\""]`, `["PWD=/home/bob"]`, "cookies=5 secrets: 12 loaded", `{"credentials":3,"api_keys":999}`, "?sig=11&x", "password: string; pass: str", "password=None, token=NULL", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db/main-AbCdEf", "of urn:x:token:y", `parsing "token=null": invalid syntax`, "password: \nuser: bob", "token=null", "session closed",
		"bypass=1 compass=north", "passed=3 failed=0", "max_tokens=100 prompt_tokens: 5", "token_type=Bearer expires_in=3600",
		"password_changed_at=2026-01-01", "has_password=true require_token=false", "PWD=/home/bob OLDPWD=/x", `pwd: C:\x`, "unexpected token: '}' at 3", "std::token::next Session::start()", "?code=404&x=1", "code=E1234",
		`{"has_password":true}`, `{"name":"color","value":"red"}`, `["password","email"]`, "BYPASS=1", "password:\nuser: bob", "a:\n  password:\n  user: bob",
		"is the key:", "key=value", "monkey=1", "author=bob",
		"id=7f1f9b8e-3c1c-4d9a-8e8a-0b6f5f1d2c3b", "00000000-0000-4000-8000-000000000000",
		"commit 3cfd338a55b9d3e1f0a2b4c6d8e0f1a3b5c7d9e1", "2026-11-21T23:30:00.123456789Z", "12:30:45", "1763767845123", "1763767845123456789",
		"+49 170 1234567", "4111111111111112", "order 1234-5678", "sig=SIGTERM code=5", "0.4111111111111111", "x4111111111111111", "12345678-1234-1234-1234-123456789012",
		"https://example.com:8080/users/bob@example.com", "http://[::1]:8080/a@b", "https://bob@example.com/", "mailto:bob@example.com",
		"bearer of bad news", "the basic idea", "basic authentication", "Bearer token", "skill=1", "AKIA is a prefix", "eyJ", "npm_config_x=1",
		"C:\\Users\\bob", `{"a":1,"b":[true,null,"x"]}`, `{"a":"\u00e9\n"}`, "{not json", "[1,2", `say "hi"`, "a=b&c=d", "://", "::", "==", ":=",
	} {
		if got := redact.String(s); got != s {
			t.Errorf("%q has become %q", s, got)
		}
	}
}

// However many values of JSON come before, the last one is JSON too.
func TestStringScansLinesOfJSON(t *testing.T) {
	t.Parallel()
	before := strings.Repeat(`{"a":1}`+"\n", 100)
	for in, want := range map[string]string{
		`{"pass\u0077ord":"hunter2"}`:                     `{"pass\u0077ord":"` + m + `"}`,
		`{"m":"login password=hunter2","n":1,"k":"[1"}`:   `{"m":"login password=` + m + `","n":1,"k":"[1"}`,
		strings.Repeat("[x ", 100) + `{"password":"a b"}`: strings.Repeat("[x ", 100) + `{"password":"` + m + `"}`,
		strings.Repeat("[1 ", 63) + `{"pass\u0077ord":1}`: strings.Repeat("[1 ", 63) + `{"pass\u0077ord":"` + m + `"}`,
	} {
		if diff := cmp.Diff(before+want, redact.String(before+in)); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", in, diff)
		}
	}
}

func TestStringScansLongTexts(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("all is well; ", 20_000)
	got := redact.String(filler + "password=hunter2 " + filler + jwt)
	if want := filler + "password=" + m + " " + filler + m; got != want {
		t.Error("the secrets in a long text are not masked, or something else is")
	}
}
