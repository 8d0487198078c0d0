package replay_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/flock"
	"github.com/sluicelog/sluice/internal/lstest"
)

// a job is a directory of logs, and a receiver that counts.
type job struct {
	t      *testing.T
	dir    string
	ledger lstest.Ledger
	beats  *lstest.Beats
}

func newJob(t *testing.T) *job {
	t.Helper()
	j := &job{t: t, dir: t.TempDir()}
	j.beats = beats(t, &lstest.BeatsOptions{OnEvent: j.ledger.Receiver(), Forget: true})
	return j
}

// run sends what is new in the directory, and checks how much that is and that nothing came twice.
func (j *job) run(sent int, more ...string) {
	j.t.Helper()
	c := account(j.t, 0, append([]string{j.dir, "-r", "--to", "beats://" + j.beats.Addr()}, more...)...)
	if c.Sent != sent || j.ledger.Duplicates() > 0 {
		j.t.Errorf("%d sent, want %d; %d came twice", c.Sent, sent, j.ledger.Duplicates())
	}
}

func compress(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Dir(path), filepath.Base(path)+".gz", b.String())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// A log is sent once, however it grows, is rotated and compressed between.
func TestStateFollowsFiles(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	path := writeFile(t, j.dir, "app.log", numbered(0, 100))
	j.run(100)
	j.run(0)
	writeFile(t, j.dir, "app.log", numbered(0, 130))
	j.run(30)
	rename(t, path, path+".1")
	j.run(0)
	writeFile(t, j.dir, "app.log", numbered(130, 5))
	j.run(5)
	compress(t, path+".1")
	j.run(0)
	writeFile(t, j.dir, "app.log", numbered(130, 9))
	rename(t, path+".1.gz", path+".2.gz")
	rename(t, path, path+".1")
	writeFile(t, j.dir, "app.log", numbered(139, 1))
	j.run(5)
	j.run(0)
	if j.ledger.Unique() != 140 {
		t.Errorf("%d arrived, want 140", j.ledger.Unique())
	}
}

// A file that was truncated and written again is another one.
func TestStateOfATruncatedFile(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	writeFile(t, j.dir, "app.log", numbered(0, 100))
	j.run(100)
	writeFile(t, j.dir, "app.log", numbered(100, 40))
	j.run(40)
	writeFile(t, j.dir, "app.log", numbered(140, 400))
	j.run(400)
}

// One that begins as another one did is told from it by the last line that was sent.
func TestStateOfAFileThatBeginsAsAnother(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	banner := strings.Repeat("# the same at the beginning of each file\n", 50)
	writeFile(t, j.dir, "app.log", banner+numbered(0, 100))
	j.run(100)
	writeFile(t, j.dir, "app.log", banner+numbered(100, 200))
	j.run(200)
	writeFile(t, j.dir, "app.log", banner+numbered(300, 20)) // shorter than before
	j.run(20)
	writeFile(t, j.dir, "app.log", banner+numbered(300, 25))
	j.run(5)
}

// The line that a program is just writing is left for the next run.
func TestStateOfALineThatIsNotWhole(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	text := numbered(0, 100)
	log := writeFile(t, j.dir, "app.log", text[:len(text)-20])
	kept := filepath.Join(j.dir, "kept")
	args := []string{log, "--to", "beats://" + j.beats.Addr(), "--rejects", kept}
	for i, sent := range []int{99, 0} {
		if c := account(t, 0, args...); c.Sent != sent || c.Open != 1 {
			t.Errorf("run %d: account %+v", i, c)
		}
	}
	writeFile(t, j.dir, "app.log", text[:len(text)-1])
	if c := account(t, 0, args...); c.Sent != 1 || c.Open != 0 {
		t.Errorf("account %+v", c)
	}
	writeFile(t, j.dir, "app.log", text+numbered(100, 1))
	if c := account(t, 0, args...); c.Sent != 1 {
		t.Errorf("account %+v", c)
	}
	if j.ledger.Unique() != 101 || j.ledger.Duplicates() > 0 {
		t.Errorf("%d arrived, %d twice", j.ledger.Unique(), j.ledger.Duplicates())
	}
	if _, err := os.Stat(kept); err == nil {
		t.Error("a line that is not whole is kept")
	}
}

// A last line that grows, whatever it is, never makes the lines before it come again, and is sent when it is whole.
func TestStateOfALineThatGrows(t *testing.T) {
	t.Parallel()
	const before = `{"msg":"a"}` + "\n" + `{"msg":"b"}` + "\n"
	for _, tt := range []struct {
		name  string
		first string // the last line in the first run
		rest  string // and what is behind it in the second
		flags string
		sent  []int
		read  []int
	}{
		{"text that is sent", "hello thr", "ee\nhello four\n", "--text", []int{2, 2}, []int{3, 2}},
		{"text that is not", "hello thr", "ee\nhello four\n", "-q", []int{2, 0}, []int{3, 2}},
		{"JSON", `{"msg":"thr`, `ee"}` + "\n", "--text", []int{2, 1}, []int{3, 1}},
		{"JSON that gets its newline", `{"msg":"three"}`, "\r\n", "--text", []int{3, 0}, []int{3, 0}},
		{"JSON with more behind it", `{"msg":"three"}`, ` and more` + "\n", "--text", []int{3, 0}, []int{3, 1}},
		{"a line that is filtered", `{"msg":"thr`, `ee", "x":"pass"}` + "\n", "--grep=pass", []int{0, 1}, []int{3, 1}},
		{"blanks", "  ", `{"msg":"c"}` + "\n", "--text", []int{2, 1}, []int{2, 1}},
		{"text that grows for long", "hello thr", strings.Repeat("e", 2<<20) + "\n", "--text", []int{2, 0}, []int{3, 1}},
		{"JSON that grows for long", `{"msg":"three"}`, strings.Repeat("e", 2<<20) + "\n", "--text", []int{3, 0}, []int{3, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := beats(t, nil)
			dir := t.TempDir()
			for i, text := range []string{before + tt.first, before + tt.first + tt.rest} {
				log := writeFile(t, dir, "app.log", text)
				r := start(t.Context(), "", log, "--to", "beats://"+b.Addr(), "--state", filepath.Join(dir, "state"), "--json", tt.flags)
				if c := parse(t, r); c.Sent != tt.sent[i] || c.Read != tt.read[i] || strings.Contains(r.errs, "begins again") {
					t.Errorf("run %d: account %+v, %s", i, c, r.errs)
				}
			}
		})
	}
}

// A last line that cannot grow any more is what it is: that of a rotated file, and without a state.
func TestALineWithoutANewlineThatIsTheLast(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"app.log", "app.log.1"} {
		b := beats(t, nil)
		log := writeFile(t, t.TempDir(), name, "hello one\nhello two")
		args := []string{log, "--to", "beats://" + b.Addr(), "--text"}
		if name == "app.log" {
			args = append(args, "--no-state")
		}
		if c := account(t, 0, args...); c.Sent != 2 {
			t.Errorf("%s: account %+v", name, c)
		}
	}
}

// Other lines of the same files are another job.
func TestStateIsOfAFilter(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	log := writeFile(t, j.dir, "app.log", numbered(0, 10))
	if c := account(t, 0, log, "--to", "beats://"+j.beats.Addr(), "--where", "id >= 8"); c.Sent != 2 || c.Filtered != 8 {
		t.Errorf("account %+v", c)
	}
	if c := account(t, 0, log, "--to", "beats://"+j.beats.Addr()); c.Sent != 10 {
		t.Errorf("account %+v", c)
	}
}

// A state that is damaged, in use, or of another job is an error before anything is sent.
func TestStateThatDoesNotFit(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	log := writeFile(t, j.dir, "app.log", numbered(0, 10))
	other := writeFile(t, j.dir, "other.log", numbered(0, 10))
	path := filepath.Join(t.TempDir(), "state.json")
	to := "beats://" + j.beats.Addr()
	must(t, 0, log, "--to", to, "--state", path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	arrived := j.ledger.Total()
	refuses := func(name, want string, args ...string) {
		t.Helper()
		r := must(t, cli.Usage, append(args, "--state", path)...)
		if !strings.Contains(r.errs, want) || !strings.Contains(r.errs, "--state") {
			t.Errorf("%s: says %q, want %q", name, r.errs, want)
		}
	}
	refuses("another source", "other sources", other, "--to", to)
	refuses("another receiver", "was sent to", log, "--to", "beats://127.0.0.1:1")
	refuses("another filter", "other lines", log, "--to", to, "--level", "error")
	for name, text := range map[string]string{
		"torn": string(whole[:len(whole)/2]), "negative": strings.Replace(string(whole), `"offset": `, `"offset": -`, 1),
		"too much": strings.Replace(string(whole), `"head_bytes": `, `"head_bytes": 9`, 1), "null": strings.Replace(string(whole), `"files": [`, `"files": [null,`, 1),
	} {
		writeFile(t, filepath.Dir(path), filepath.Base(path), text)
		refuses(name, "damaged", log, "--to", to)
	}
	for name, text := range map[string]string{"empty": "", "no object": "[]", "GELF": `{"version":"1.1","host":"a"}` + "\n"} {
		writeFile(t, filepath.Dir(path), filepath.Base(path), text)
		refuses(name, "is not a state file of sluice: choose another name", log, "--to", to)
	}
	writeFile(t, filepath.Dir(path), filepath.Base(path), strings.Replace(string(whole), `"version": 1`, `"version": 2`, 1))
	refuses("a newer version", "version 2", log, "--to", to)
	writeFile(t, filepath.Dir(path), filepath.Base(path), string(whole))
	lock, err := os.OpenFile(path+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if ok, err := flock.TryLock(lock, true); !ok || err != nil {
		t.Fatal(ok, err)
	}
	refuses("in use", "in use", log, "--to", to)
	if j.ledger.Total() != arrived {
		t.Error("something was sent all the same")
	}
}

// A log that is rotated while it is sent is sent to its end, and so is what follows it.
func TestRotatedWhileRead(t *testing.T) {
	t.Parallel()
	const n = 60_000
	j := &job{t: t, dir: t.TempDir()}
	path := writeFile(t, j.dir, "app.log", numbered(0, n))
	count := j.ledger.Receiver()
	rotated := false
	j.beats = beats(t, &lstest.BeatsOptions{Forget: true, OnEvent: func(conn int, e []byte) {
		count(conn, e)
		if !rotated && j.ledger.Total() == 100 {
			rotated = true
			rename(t, path, path+".1")
			writeFile(t, j.dir, "app.log", numbered(n, 50))
		}
	}})
	j.run(n+50, "--batch", "100")
	j.run(0)
	if j.ledger.Unique() != n+50 {
		t.Errorf("%d arrived, want %d", j.ledger.Unique(), n+50)
	}
}
