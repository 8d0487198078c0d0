package redact_test

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// The time for a text, of whatever it is made, grows with its length. Eight times
// the text may take a generous thirty times as long, not the square, which is 64.
func TestTimeIsLinearInTheText(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector makes it slow")
	}
	const small, factor, most = 16 << 10, 8, 30
	for _, cycle := range []string{
		"=", `"`, "{", "[", "://", "@", "-----BEGIN", "-----BEGIN PRIVATE KEY-----!", "4", "4111 ", ":", `\`, `\"`, "token%3D%26", "token%3D",
		"x://token:p@h ", "Authorization: Bearer abc user=5 ", "%3D", "password=", "password= ", "password={ ", `password="`, `password:"" `,
		"cookie:", `"cookie: `, `{"a":`, "[1,", `{"a":[1,`, "<password>", "<password>x</", "--password ", `--password "`, "bearer a1b2c3d4 ",
		"basic dTpw ", "a:b@tcp( ", "://u:p@h/ ", "://:@/", "eyJabcdef.", "eyJabcdef..", `{"a":1}` + "\n", "password: x\nuser: y\n", "&token=a&b=c",
		"password[", "password:!!", "password='x''y' ", "password=''", "password:\n ", "password:\n", "password: |\n  x\n", "std::token::", `"k":"v",`, `\"password\":\"a\",`, "secret:[a] ", "secret=[]x", "api key: ", "hooks.slack.com/services/", "\xff",
	} {
		short, long := strings.Repeat(cycle, small/len(cycle)), strings.Repeat(cycle, factor*small/len(cycle))
		if d, limit := best(func() { redact.String(short) }), best(func() { redact.String(long) }); limit > most*max(d, time.Millisecond) {
			t.Errorf("%q: %v for 16 KB, %v for 128 KB", cycle, d, limit)
		}
	}
}

// best is the shortest time of several, to be independent of what else runs.
func best(f func()) time.Duration {
	times := make([]time.Duration, 3)
	for i := range times {
		start := time.Now()
		f()
		times[i] = time.Since(start)
	}
	return slices.Min(times)
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
	start := time.Now()
	got := line(t, true, nil, nil, slog.Any("a", all))
	if d := time.Since(start); d > 3*time.Second && !testlog.Race {
		t.Errorf("took %v", d)
	}
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
			start := time.Now()
			l.Error("m", "err", err)
			if got.Any() != any(err) {
				t.Errorf("%s: a clean error has become %T %v", name, got.Any(), got.Any())
			}
			l.Error("m", "err", []error{dirty, wrap(dirty)})
			if s := fmt.Sprintf("%+v", got.Any()); strings.Contains(s, "hunter2") {
				t.Errorf("%s: the secret is in %s", name, s)
			}
			if d := time.Since(start); d > 3*time.Second && !testlog.Race {
				t.Errorf("%s: took %v", name, d)
			}
		}
	}
}
