package redact_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// Texts on which a scanner that looks ahead from each place would take the square of their length.
func repetitive() []string {
	return []string{
		"=", `"`, "{", "[", "://", "@", "-----BEGIN", "-----BEGIN PRIVATE KEY-----!", "4", "4111 ", ":", `\`, `\"`, "token%3D%26", "token%3D",
		"x://token:p@h ", "Authorization: Bearer abc user=5 ", "%3D", "password=", "password= ", "password={ ", `password="`, `password:"" `,
		"cookie:", `"cookie: `, `{"a":`, "[1,", `{"a":[1,`, "<password>", "<password>x</", "--password ", `--password "`, "bearer a1b2c3d4 ",
		"basic dTpw ", "a:b@tcp( ", "://u:p@h/ ", "://:@/", "eyJabcdef.", "eyJabcdef..", `{"a":1}` + "\n", "password: x\nuser: y\n", "&token=a&b=c",
		"password[", "password:!!", "password='x''y' ", "password=''", "password:\n ", "password:\n", "password: |\n  x\n", "std::token::", `"k":"v",`, `\"password\":\"a\",`, "secret:[a] ", "secret=[]x", "api key: ", "hooks.slack.com/services/", "\xff",
		"token ", "tokentoken", "-token", "--token-", "--password-token -", "machine ", "machine a login ", "mailgun ", "airtable", "curl -u ", "mysql -p", "_secret_", "pi_aaaaaaaaaa_secret_", "cs_", "$y$", "$5$a",
		"0-us1", "1234567890:AA", "/bot1", "AKIA ", "password 'a''", `password \\"`, "identified by ", "user:a:", "User:a:", "requirepass ", "sig=", "7Q~", "https://u:p", "x@/", "$argon2id$m=", "<a></",
		"name=token ", `name:token value:"`, `<a name="token">`, `form-data; name="token"`, "form-data; name=token\n\n", "name=token value=x\n", "(token)=(", "((token)=", "(token ", "\x1b[0m", "\x1b[0m=", "token\x1b[0m=",
		"token: (string) (len=1) ", "token: !a ", "token: &a |\n", "token=<<A\n", "token:\n- ", `token="a" -> "`, `token="" => `, "token：", "é=", "étoken=x", "token: not ", "token: a: ", "token=<", "token={{ ", "token=${", "token=\\t",
		`{"value":1,"a":`, `{"value":{"x":1},"name":"token"}` + "\n",
	}
}

// What takes the square of the length takes many seconds for a text of this one,
// not the part of a second that a busy machine needs.
func TestTimeIsLinearInTheText(t *testing.T) {
	size := 64 << 10
	if testlog.Race {
		size = 4 << 10 // which is to see races, not how long it takes
	}
	watch := testlog.StartStopwatch(t)
	for _, cycle := range repetitive() {
		start := watch.Elapsed()
		if got := redact.String(strings.Repeat(cycle, size/len(cycle))); got == "" {
			t.Errorf("%q: nothing is left", cycle)
		}
		if took := watch.Elapsed() - start; took > 3*time.Second && !testlog.Race {
			t.Errorf("%q: %v for %d bytes", cycle, took, size)
		}
	}
}

// Ten megabytes of text, and one of other shapes, clean and with a secret. What is
// clean is not copied.
func TestLargeValues(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates, and is slow")
	}
	const size = 1 << 20
	words := strings.Repeat("a request for /users/42 took 12 ms ", size/35)
	long := strings.Repeat(words, 10)
	object := `{"rows":[` + strings.Repeat(`{"id":1,"name":"bob"},`, size/22) + `{"id":2,"name":"\u0062ob"}],"n":1}`
	solid := strings.Repeat("TWFuIGlzIGRpc3Rpbmd1aXNoZWQ", size/27)
	for _, tt := range []struct {
		name          string
		clean, secret any
		factor        uint64 // of the length, that may be allocated to find that it is clean; with a secret it is masked twice the length more
	}{
		{"text", long, long + "password=hunter2", 0},
		{"bytes", []byte(words), []byte(words + "password=hunter2"), 1},
		{"one line without spaces", solid, solid + ",password=hunter2", 0},
		{"a URL in one line without spaces", solid, solid + "://u:hunter2@h", 0},
		{"JSON", object, strings.TrimSuffix(object, "}") + `,"password":"hunter2"}`, 2},
		{"JSON in bytes", []byte(object), []byte(strings.TrimSuffix(object, "}") + `,"password":"hunter2"}`), 3},
		{"raw JSON", json.RawMessage(object), json.RawMessage(strings.TrimSuffix(object, "}") + `,"password":"hunter2"}`), 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got slog.Value
			l := slog.New(redact.NewHandler(capture{&got}, nil))
			length := uint64(reflect.ValueOf(tt.clean).Len())
			used := allocated(func() { l.Info("m", "v", tt.clean) })
			if limit := tt.factor*length + 256<<10; used > limit {
				t.Errorf("clean: %d bytes allocated, want at most %d", used, limit)
			}
			if v := reflect.ValueOf(got.Any()); v.Type() != reflect.TypeOf(tt.clean) || v.Len() != int(length) {
				t.Errorf("clean: it has become %v of length %d", v.Type(), v.Len())
			}
			used = allocated(func() { l.Info("m", "v", tt.secret) })
			if limit := (tt.factor+6)*length + 256<<10; used > limit {
				t.Errorf("secret: %d bytes allocated, want at most %d", used, limit)
			}
			if s := fmt.Sprintf("%s", got.Any()); strings.Contains(s, "hunter2") || !strings.Contains(s, m) {
				t.Errorf("the secret is in %.20s…%s", s, s[max(0, len(s)-60):])
			}
		})
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The figure to compare is the time for a byte, which is the same at both lengths.
func BenchmarkGrowth(b *testing.B) {
	for _, size := range []int{16 << 10, 128 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			var texts []string
			for _, cycle := range repetitive() {
				texts = append(texts, strings.Repeat(cycle, size/len(cycle)))
			}
			b.SetBytes(int64(size * len(texts)))
			for b.Loop() {
				for _, text := range texts {
					redact.String(text)
				}
			}
		})
	}
}

type account struct{ Name, Token string }

type accounts []account

func (a accounts) String() string {
	var b strings.Builder
	for _, x := range a {
		b.WriteString(x.Name + " " + x.Token + " ")
	}
	return b.String()
}

func TestManySecretsBehindAMethod(t *testing.T) {
	t.Parallel()
	var all accounts
	for i := range 10_000 {
		all = append(all, account{fmt.Sprint("user", i), fmt.Sprintf("tok-%08d", i)})
	}
	got := line(t, true, nil, nil, slog.Any("a", all))
	if strings.Contains(got, "tok-") || !strings.Contains(got, "user9999 [REDACTED]") {
		t.Errorf("got %.200s", got)
	}
}

type opError struct {
	Op  string
	Err error
}

func (e *opError) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *opError) Unwrap() error { return e.Err }

type valueError struct {
	Op  string
	Err error
}

func (e valueError) Error() string { return e.Op + ": " + e.Err.Error() }
func (e valueError) Unwrap() error { return e.Err }

// Each error of a chain can be reached by Unwrap and by a field of all before it.
func TestLongChainsOfErrors(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(error) error{
		"pointers": func(err error) error { return &opError{"op", err} },
		"values":   func(err error) error { return valueError{"op", err} },
	} {
		for _, opts := range []*redact.Options{nil, {Keys: []string{"user.email"}}} {
			err, dirty := io.EOF, error(tokenError{"hunter2"})
			for range 40 {
				err, dirty = wrap(err), wrap(dirty)
			}
			var got slog.Value
			l := slog.New(redact.NewHandler(capture{&got}, opts))
			l.Error("m", "err", err)
			if got.Any() != any(err) {
				t.Errorf("%s: a clean error has become %T %v", name, got.Any(), got.Any())
			}
			l.Error("m", "err", []error{dirty, wrap(dirty)})
			if s := fmt.Sprintf("%+v", got.Any()); strings.Contains(s, "hunter2") {
				t.Errorf("%s: the secret is in %s", name, s)
			}
		}
	}
}
