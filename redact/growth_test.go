package redact_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

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
	}
}

// The square of a megabyte takes longer than the test binary may run.
func TestTimeIsLinearInTheText(t *testing.T) {
	size := 1 << 20
	if testlog.Race {
		size = 64 << 10
	}
	for _, cycle := range repetitive() {
		if got := redact.String(strings.Repeat(cycle, size/len(cycle))); got == "" {
			t.Errorf("%q: nothing is left", cycle)
		}
	}
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
