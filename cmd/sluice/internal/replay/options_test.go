package replay_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/lstest"
)

// Flags that are wrong are all named, with what is allowed, and nothing is done.
func TestWrongFlags(t *testing.T) {
	t.Parallel()
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 1))
	empty := writeFile(t, t.TempDir(), "credentials", " \n")
	two := writeFile(t, t.TempDir(), "credentials", "ann:secret\nbob:secret\n")
	token, nobody := writeFile(t, t.TempDir(), "token", "Bearer t0ken\n"), writeFile(t, t.TempDir(), "nobody", ":hunter2\n")
	to := "--to=beats://127.0.0.1:1"
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"nothing", nil, []string{"--to: want an address"}},
		{
			"several at once",
			[]string{log, to, "--rate", "0", "--batch", "4096", "--connections=0", "--compress=10", "--give-up=0s", "--level", "loud"},
			[]string{"--rate 0", "--batch 4096: want 1 to 2048", "--connections 0: want 1 to 64", "--compress 10: want 1 to 9", "--give-up", "--level"},
		},
		{"no such scheme", []string{log, "--to", "gopher://a"}, []string{"--to", "gopher", "beats://"}},
		{"no scheme", []string{log, "--to", "logstash:5044"}, []string{"--to", "beats://"}},
		{"no port", []string{log, "--to", "tcp://a"}, []string{"--to", "port"}},
		{"TLS without TLS", []string{log, to, "--ca", "x", "--insecure"}, []string{"--ca: means nothing for beats://", "--insecure: means nothing", "beats+tls://"}},
		{"compression where there is none", []string{log, "--to", "tcp://a:1", "--compress", "1"}, []string{"--compress", "tcp://"}},
		{"a certificate without its key", []string{log, "--to", "tls://a:1", "--cert", "x"}, []string{"--cert and --key"}},
		{"a file that is not there", []string{log, "--to", "tls://a:1", "--ca", "/nowhere/ca.pem"}, []string{"--ca", "/nowhere/ca.pem"}},
		{"credentials on the command line", []string{log, "--to", "http://ann:hunter2@a"}, []string{"--credentials", "SLUICE_CREDENTIALS"}},
		{"empty credentials", []string{log, "--to", "http://a", "--credentials", empty}, []string{"is empty", "user:password"}},
		{"credentials that are none", []string{log, "--to", "http://a", "--credentials", two}, []string{"want one line, user:password"}},
		{"credentials without http", []string{log, to, "--credentials", empty}, []string{"--credentials: means nothing for beats://"}},
		{"no topic", []string{log, "--to", "kafka://a"}, []string{"--to: address without a topic: want one, as in kafka://host/topic"}},
		{"no name of a topic", []string{log, "--to", "kafka://a/b/c"}, []string{`--to: topic "b/c": want 1 to 249 letters`}},
		{"no key of Redis", []string{log, "--to", "redis://a"}, []string{`--to: path "": want the key of the list`}},
		{"a number of a database for a key", []string{log, "--to", "redis://a/2"}, []string{`--to: path "2": want the key; the number of a database is --redis db`}},
		{"a database in the path", []string{log, "--to", "redis://a/x?db=2"}, []string{"--to", "no query"}},
		{"connections to a broker", []string{log, "--to", "kafka://a/b", "--connections", "2"}, []string{"--connections: means nothing for kafka://, only for beats://"}},
		{"compression for Redis", []string{log, "--to", "redis://a/b", "--compress", "2"}, []string{"--compress: means nothing for redis://", "http://, https://, kafka:// and kafka+tls://"}},
		{"TLS for a broker without TLS", []string{log, "--to", "kafka://a/b", "--ca", "x"}, []string{"--ca: means nothing for kafka://", "kafka+tls:// and redis+tls://"}},
		{"an order that one connection keeps", []string{log, to, "--keep-order", "trace.id"}, []string{"--keep-order: one connection keeps the order of all events"}},
		{"an order of Redis", []string{log, "--to", "redis://a/b", "--keep-order", "trace.id"}, []string{"--keep-order: means nothing for redis://"}},
		{"no field to keep the order of", []string{log, "--to", "kafka://a/b", "--keep-order="}, []string{"--keep-order: want a field"}},
		{"a strange mechanism", []string{log, "--to", "kafka://a/b", "--sasl", "gssapi"}, []string{`--sasl "gssapi": want plain, scram-sha-256 or scram-sha-512`}},
		{"a mechanism for nobody", []string{log, "--to", "kafka://a/b", "--sasl", "scram-sha-512"}, []string{"--sasl scram-sha-512: want --credentials"}},
		{"a mechanism for a token", []string{log, "--to", "kafka://a/b", "--sasl", "plain", "--credentials", token}, []string{"--sasl plain", "has a token, which is for OAUTHBEARER"}},
		{"a mechanism of Logstash", []string{log, to, "--sasl", "plain", "--redis", "db=1"}, []string{"--sasl: means nothing for beats://, only for kafka:// and kafka+tls://", "--redis: means nothing"}},
		{"a token for Redis", []string{log, "--to", "redis://a/b", "--credentials", token}, []string{"--credentials: Redis knows no token"}},
		{"a password of nobody", []string{log, "--to", "kafka://a/b", "--credentials", nobody}, []string{"--credentials", "only Redis has a password without a user"}},
		{"credentials of a broker on the command line", []string{log, "--to", "kafka://ann:hunter2@a/b"}, []string{"--credentials", "SLUICE_CREDENTIALS"}},
		{
			"settings of Redis that are none",
			[]string{log, "--to", "redis://a/b", "--redis", "db=two,master,stream=,threshold=-1", "--redis=replicas=x", "--redis=db=2", "--redis=ttl=5"},
			[]string{"--redis db=two: want db and the number", "--redis master: want the name", "--redis stream=: want stream", "--redis threshold=-1: want threshold and a number", "--redis replicas=x", "--redis db=2: want db once", "--redis ttl=5: want db=2, master=name"},
		},
		{"sentinels without a master", []string{log, "--to", "redis://a/b", "--sentinel-credentials", nobody}, []string{"--sentinel-credentials", "want none without --redis master=name"}},
		{"a token for sentinels", []string{log, "--to", "redis://a/b", "--redis", "master=x", "--sentinel-credentials", token}, []string{"--sentinel-credentials: a sentinel knows no token"}},
		{"no such source", []string{"/nowhere/app.log", to}, []string{"/nowhere/app.log"}},
		{"a state twice", []string{log, to, "--state", "x", "--no-state"}, []string{"--no-state"}},
		{"a state of standard input", []string{"-", to, "--state", "x"}, []string{"--state", "standard input"}},
		{"a source for what is refused", []string{log, to, "--rejects", log}, []string{"--rejects", "again and again"}},
		{"a directory for what is refused", []string{log, to, "--rejects", filepath.Dir(log)}, []string{"--rejects", "not a regular file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := must(t, cli.Usage, tt.args...)
			for _, want := range tt.want {
				if !strings.Contains(r.errs, want) {
					t.Errorf("%q is not in %q", want, r.errs)
				}
			}
			if strings.Contains(r.errs, "hunter2") || strings.Contains(r.errs, "DialOptions") || r.out != "" {
				t.Errorf("says %q, and %q", r.errs, r.out)
			}
		})
	}
}

// The variable has the same as the file of --credentials.
func TestCredentialsOfTheEnvironment(t *testing.T) {
	t.Setenv("SLUICE_CREDENTIALS", "Bearer t0ken")
	h := httpInput(t, nil)
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 1))
	must(t, 0, log, "--to", "http://"+h.Addr(), "--no-state")
	if got := h.LastRequest().Header.Get("Authorization"); got != "Bearer t0ken" {
		t.Errorf("sent %q", got)
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	dir := t.TempDir()
	log := writeFile(t, dir, "app.log", numbered(0, 3)+"text\n"+`{"broken":`+"\n"+`{"msg":"`+"\u202egol\u009b31m "+strings.Repeat("long ", 100)+`"}`+"\n"+numbered(3, 2))
	place := t.TempDir()
	args := []string{log, "--to", "beats://" + b.Addr(), "--dry-run", "--host", "web1", "--state", filepath.Join(place, "state"), "--rejects", filepath.Join(place, "kept")}
	golden(t, "dry-run", must(t, cli.Partial, args...).out)
	golden(t, "dry-run-filtered", must(t, cli.Partial, append(args, "--where", "msg contains 'gol' or id == 4")...).out)
	if made := contents(t, place); len(b.Events()) > 0 || len(made) > 0 {
		t.Errorf("%d events arrived, and there is %q", len(b.Events()), made)
	}
	b.Kill()
	r := must(t, cli.Partial, args...)
	if !strings.Contains(r.out, "cannot be reached") {
		t.Errorf("says %q", r.out)
	}
}

// Each line has one fate, and what stays behind is kept.
func TestFates(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	dir := t.TempDir()
	long := `{"msg":"` + strings.Repeat("x", 2<<20) + `"}`
	log := writeFile(t, dir, "app.log", "\n"+numbered(0, 3)+"starting up\n\n"+`{"msg":"torn","n":`+"\n"+long+"\n"+"\x00\xff\xfe\n"+numbered(3, 2))
	kept := filepath.Join(dir, "kept")
	r := must(t, cli.Partial, log, "--to", "beats://"+b.Addr(), "--where", "id != 1", "--rejects", kept, "--no-state")
	golden(t, "fates-filtered", r.out)
	r = must(t, cli.Partial, log, "--to", "beats://"+b.Addr(), "--rejects", kept, "--no-state")
	golden(t, "fates", r.out)
	text, err := os.ReadFile(kept)
	if err != nil || bytes.Count(text, []byte("\n")) != 4 || bytes.Count(text, []byte(`{"msg":"torn","n":`+"\n")) != 2 {
		t.Errorf("kept %.200q, %v", text, err)
	}
	c := account(t, cli.Partial, log, "--to", "beats://"+b.Addr(), "--text", "--no-state")
	if c.Sent != 7 || c.Text != 0 || c.Broken != 2 {
		t.Errorf("with --text %+v", c)
	}
	if last := b.Events()[len(b.Events())-6:]; !bytes.Contains(bytes.Join(last, nil), []byte(`"message":"starting up"`)) {
		t.Errorf("the text arrived as %s", last)
	}
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	for i, args := range [][]string{{"-"}, nil} {
		r := start(t.Context(), numbered(0, 20), append(args, "--to", "beats://"+b.Addr(), "--json")...)
		if c := parse(t, r); r.code != 0 || c.Sent != 20 || len(b.Events()) != 20*(i+1) {
			t.Errorf("exit code %d, %+v, %s", r.code, c, r.errs)
		}
	}
}

// The id of an event is the same each time, and another one for another line with the same text.
func TestEventID(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	log := writeFile(t, t.TempDir(), "app.log", strings.Repeat(`{"msg":"same"}`+"\n", 3))
	for range 2 {
		must(t, 0, log, "--to", "beats://"+b.Addr(), "--event-id", "--no-state")
	}
	seen := make(map[string]int)
	for _, e := range b.Events() {
		_, rest, _ := strings.Cut(string(e), `"_id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if len(id) != 36 || !strings.Contains(string(e), `"uuid":"`+id+`"`) {
			t.Errorf("an event without an id: %s", e)
		}
		seen[id]++
	}
	if len(seen) != 3 {
		t.Errorf("ids %v", seen)
	}
}

// A source that cannot be read does not keep the others from being sent.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	dir := t.TempDir()
	good := writeFile(t, dir, "a.log", numbered(0, 5))
	torn := writeFile(t, dir, "b.log.gz", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03torn")
	r := must(t, cli.Partial, torn, good, "--to", "beats://"+b.Addr())
	if len(b.Events()) != 5 || !strings.Contains(r.errs, "b.log.gz") || !strings.Contains(r.out, "1 file could not be read") {
		t.Errorf("%d arrived: %s%s", len(b.Events()), r.out, r.errs)
	}
	if r := must(t, cli.Partial, torn, good, "--to", "beats://"+b.Addr()); len(b.Events()) != 5 || !strings.Contains(r.errs, "b.log.gz") {
		t.Errorf("the second time, %d arrived: %s%s", len(b.Events()), r.out, r.errs)
	}
}

// That what is refused, or the state, cannot be written is found out before anything is sent.
func TestWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	dir := t.TempDir()
	log := writeFile(t, dir, "app.log", numbered(0, 5))
	nowhere := filepath.Join(dir, "no", "such", "dir")
	for _, flag := range []string{"--rejects", "--state"} {
		r := must(t, cli.Usage, log, "--to", "beats://"+b.Addr(), flag, nowhere)
		if !strings.Contains(r.errs, flag+": ") || !strings.Contains(r.errs, "no such") || len(b.Events()) > 0 {
			t.Errorf("%s: %d events arrived, says %q", flag, len(b.Events()), r.errs)
		}
	}
	r := must(t, cli.Usage, log, "--to", "beats://"+b.Addr(), "--state", log)
	if !strings.Contains(r.errs, "is not a state file of sluice") {
		t.Errorf("says %q", r.errs)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 || err != nil {
		t.Errorf("left behind: %q, %v", names, err)
	}
	must(t, 0, log, "--to", "beats://"+b.Addr(), "--rejects", filepath.Join(dir, "kept"))
	if names, err := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 || err != nil {
		t.Errorf("left behind without a need: %q, %v", names, err)
	}
}

// What is refused and cannot be kept, as on a full disk, is not said to be kept, and not done with.
func TestRejectsThatCannotBeKept(t *testing.T) {
	t.Parallel()
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	var mended atomic.Bool
	h := httpInput(t, &lstest.HTTPOptions{
		Poison: func(e []byte) bool {
			if mended.Load() || !bytes.Contains(e, []byte("poison")) {
				return false
			}
			_ = os.Symlink(full, kept) // the disk is full by now
			return true
		},
		PoisonStatus: http.StatusBadRequest,
	})
	log := writeFile(t, dir, "app.log", strings.Replace(numbered(0, 1), "request", "poison", 1)+numbered(1, 20))
	r := must(t, cli.Partial, log, "--to", "http://"+h.Addr(), "--rejects", kept)
	if !strings.Contains(r.out, "--rejects "+kept) || strings.Contains(r.out, "kept in") {
		t.Errorf("says\n%s", r.out)
	}
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	mended.Store(true)
	if c := account(t, 0, log, "--to", "http://"+h.Addr(), "--rejects", kept); c.Sent == 0 {
		t.Errorf("what was not kept is not sent again: %+v", c)
	}
}

// The file of what is refused is no source, wherever it is and whenever it is made.
func TestRejectsAreNoSource(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	dir := t.TempDir()
	writeFile(t, dir, "app.log", numbered(0, 5)+"{broken\n")
	kept := filepath.Join(dir, "rejected.log")
	for _, source := range []string{dir, filepath.Join(dir, "..."), filepath.Join(dir, "*.log")} {
		for _, more := range []string{"--no-state", "--state=" + filepath.Join(dir, "state.log")} {
			_ = os.Remove(filepath.Join(dir, "state.log"))
			_ = os.Remove(kept)
			for run := range 2 {
				r := start(t.Context(), "", source, "--to", "beats://"+b.Addr(), "--rejects", filepath.Join(dir, ".", "rejected.log"), more, "--json")
				if c := parse(t, r); c.Broken > 1 || c.Read > 6 || run == 0 && c.Read != 6 {
					t.Errorf("%s %s, run %d: %+v", source, more, run, c)
				}
			}
		}
	}
}

// What is behind the ? of an address may be a secret, and is shown nowhere.
func TestSecretInTheAddress(t *testing.T) {
	t.Parallel()
	h := httpInput(t, nil)
	h.Kill()
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 5))
	for _, more := range []string{"-q", "--json", "--dry-run"} {
		r := must(t, cli.Partial, log, "--to", "http://"+h.Addr()+"/?token=hunter2", "--give-up", "100ms", more)
		if strings.Contains(r.out+r.errs, "hunter2") {
			t.Errorf("%s shows the secret:\n%s%s", more, r.out, r.errs)
		}
		if more != "--dry-run" && (!strings.Contains(r.out, "?...' ") || !strings.Contains(r.out, "# complete --to: ")) {
			t.Errorf("%s does not say that --to is to be completed:\n%s", more, r.out)
		}
	}
}
