package view_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
)

// planted are lines with secrets, which all hold the text XYZZY.
const planted = `{"time":"2026-11-22T10:00:00Z","level":"INFO","msg":"login password=XYZZYhunter2","api_key":"XYZZY-123","url":"https://bob:XYZZYpw@db/?token=XYZZYtoken","n":1}
{"level":"ERROR","msg":"nested","request":{"headers":{"Authorization":"Bearer XYZZYabcdefgh"},"session":{"cookie":"XYZZY"}}}
2026-11-22T10:00:01Z stdout F {"level":"INFO","msg":"in kubernetes","password":"XYZZY with spaces"}
password=XYZZY {"level":"INFO","msg":"behind a prefix"}
{"log":"{\"level\":\"INFO\",\"msg\":\"docker\",\"password\":\"XYZZY\"}\n","stream":"stdout","time":"2026-11-22T10:00:00.124Z"}
{"log":"text with password=XYZZY\n","stream":"stdout","time":"2026-11-22T10:00:00.124Z"}
postgres://shop:XYZZY@db:5432/shop is not reachable
{"level":"ERROR","msg":"broken","password":"XYZZY
{"level":"ERROR","msg":"a key"}
-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAXYZZYwm5hPqjTyfKjVd3lYF5oQ0nq7XsZcV1cUjJ1vXmYb1w
XYZZYbBbVdW0hYF5oQ0nq7XsZcV1cUjJ1vXmYb1wMIIEowIBAAKCAQEAwm5hPqj
XYZZY==
-----END RSA PRIVATE KEY-----
{"level":"ERROR","msg":"the end"}
`

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets.log")
	if err := os.WriteFile(path, []byte(planted), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.log")
	if err := os.WriteFile(other, []byte(planted), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"", "--layout wide --width 60 --color always", "--json", "--raw", "--name", "--json --name", "--grep XYZZY", "--level error",
		"--level error --context 5", "--grep END --before 3", "--grep XYZZY --raw", "--last 5", "--last 5 --grep XYZZY", "--first 12", "--where n==1 --context 20 --raw",
		"--fields api_key,request,password,request.headers.Authorization", "--merge " + other,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			flags := append([]string{path}, strings.Fields(args)...)
			stdout, stderr, _ := viewed(t, "", flags...)
			if strings.Contains(stdout+stderr, "XYZZY") {
				t.Errorf("a secret is printed:\n%s%s", stdout, stderr)
			}
			if !strings.Contains(stdout, "[REDACTED]") {
				t.Errorf("nothing is masked:\n%s", stdout)
			}
			if open, _, _ := viewed(t, "", append(flags, "--show-secrets")...); !strings.Contains(open, "XYZZY") || strings.Contains(open, "[REDACTED]") {
				t.Errorf("--show-secrets does not show them:\n%s", open)
			}
		})
	}
}

// A chunk may end within a key.
func TestAPrivateKeyOverTwoChunksIsMasked(t *testing.T) {
	t.Parallel()
	_, key, _ := strings.Cut(planted, `"msg":"a key"}`+"\n")
	key, _, _ = strings.Cut(key, "{")
	filler := `{"level":"ERROR","msg":"filler"}` + "\n"
	step := 1
	if testlog.Race { // under which this takes half a minute
		step = 13
	}
	for at := 0; at < 40; at += step {
		lines := (256<<10-len(key))/len(filler) + at/4 // a chunk has 256 KiB
		log := strings.Repeat(filler, lines) + strings.Repeat("x", at) + "\n" + key + strings.Repeat(filler, 10)
		for _, args := range [][]string{{"--raw"}, {"--raw", "--level", "error"}} {
			if stdout, _, _ := viewed(t, log, args...); strings.Contains(stdout, "XYZZY") {
				t.Fatalf("%v: a secret is printed, with %d lines before the key", args, lines)
			}
		}
	}
}

// In each file that is followed there may be a key, and the reading may begin in the middle of one.
func TestAPrivateKeyInOneOfSeveralFilesIsMasked(t *testing.T) {
	t.Parallel()
	begin, end := "-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----\n"
	body := strings.Repeat("MIIEowIBAAKCAQEAXYZZYwm5hPqjTyfKjVd3lYF5oQ0nq7XsZcV1cUjJ1vXmYb1w\n", 3)
	docker := strings.ReplaceAll(body, "w\n", `w\n","stream":"stderr","time":"2026-11-22T10:00:00.124Z"}`+"\n")
	docker = strings.ReplaceAll(docker, "MII", `{"log":"MII`)
	kubernetes := "2026-11-22T10:00:01Z stdout F " + strings.ReplaceAll(body, "\n", "\n2026-11-22T10:00:01Z stdout F ") + "XYZZY==\n"
	for name, parts := range map[string][2]string{
		"one goes on after a line of another":     {begin + body, body + "XYZZY==\n" + end},
		"the reading begins in it":                {body, body + "XYZZY==\n" + end},
		"the reading begins in it, behind Docker": {docker, docker},
		"it begins in it, behind Kubernetes":      {kubernetes, kubernetes},
		"the reading begins with its last line":   {"XYZZY==\n" + end, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			a, b := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")
			write := func(path, text string) {
				f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteString(text); err != nil {
					t.Fatal(err)
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
			}
			write(a, parts[0])
			write(b, `{"msg":"first"}`+"\n")
			out, stop := following(t, "--raw", a, b)
			all := out.wait(t, "first\"}\n")
			write(a, parts[1]+`{"msg":"last"}`+"\n")
			all += out.wait(t, "last\"}\n")
			if stop(); strings.Contains(all, "XYZZY") || !strings.Contains(all, "[REDACTED]") {
				t.Errorf("printed\n%s", all)
			}
		})
	}
	if stdout, _, _ := viewed(t, begin+body, "--last", "2"); strings.Contains(stdout, "XYZZY") {
		t.Errorf("printed from within a key\n%s", stdout)
	}
	harmless := "GET /Users/bob/src/ShopServer/internal/payments/handlers\nd74ff0ee8da3b9806b18c877dbf29bbde50b5bd8e4dad7a3a725000feb82e8f1\n"
	if stdout, _, _ := viewed(t, harmless+begin+body+"{}\n"+body, "--raw"); !strings.HasPrefix(stdout, harmless) || !strings.HasSuffix(stdout, "{}\n"+body) {
		t.Errorf("what is no key is not printed\n%s", stdout)
	}
}

// While a log is followed, a key may come line by line.
func TestAPrivateKeyThatIsFollowedIsMasked(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--raw"}, {"--grep", "."}, {"--level", "error"}, {"--level", "error", "--context", "100"}} {
		r, w := io.Pipe()
		out := make(watched, 100)
		ended := make(chan int, 1)
		go func() { ended <- call(t.Context(), r, out, io.Discard, append([]string{"-f"}, args...)...) }()
		for line := range strings.Lines(planted) {
			if _, err := io.WriteString(w, line); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		<-ended
		close(out)
		var all strings.Builder
		for text := range out {
			all.WriteString(text)
		}
		if all.Len() == 0 || strings.Contains(all.String(), "XYZZY") {
			t.Errorf("%v: printed\n%s", args, all.String())
		}
	}
}
