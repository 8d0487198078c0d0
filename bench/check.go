package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrLeak says that a line has the secret in it that was to be redacted.
var ErrLeak = errors.New("a secret")

// callers and calls are how many goroutines log how often for a check: more
// than once, since a handler may write a good first line and a bad second one.
const callers, calls = 4, 3

// Check logs the case a few times with the peer's handler and returns an error
// if what it writes is anything else than one JSON object a record, on a line of
// its own, with the time, the level, the message and the attrs of the record
// where this peer puts them. It may say more than that. A panic is an error, too.
func (c *Case) Check(p Peer) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("bench: %s, %s: %w", p.Name, c.Name, err)
		}
	}()
	begun := time.Now()
	lines, err := record(c, p)
	if err != nil {
		return err
	}
	return c.verify(p, lines, begun)
}

// verify returns an error unless each line says what the peer is to say of the
// case, with a time since begun.
func (c *Case) verify(p Peer, lines [][]byte, begun time.Time) error {
	for _, line := range lines {
		got, err := parse(line)
		if err != nil {
			return fmt.Errorf("%w in %q", err, line)
		}
		if err := c.discreet(p, line); err != nil {
			return fmt.Errorf("%w in %s", err, bytes.TrimSpace(line))
		}
		if err := match(p.layout(c.want), got, ""); err != nil {
			return fmt.Errorf("%w in %s", err, bytes.TrimSpace(line))
		}
		if err := stamped(got[p.time], begun, time.Now()); err != nil {
			return fmt.Errorf("%s: %w in %s", p.time, err, bytes.TrimSpace(line))
		}
	}
	return nil
}

// discreet returns an error if a peer that redacts prints the secret of the case,
// or if one that does not has none to be found.
func (c *Case) discreet(p Peer, line []byte) error {
	switch found := bytes.Contains(line, []byte(c.secret)); {
	case c.secret == "" || found != p.redacts:
		return nil
	case found:
		return ErrLeak
	default:
		return errors.New("no secret")
	}
}

// record logs the case and returns the lines.
func record(c *Case, p Peer) ([][]byte, error) {
	var (
		w    recorder
		call func()
	)
	if err := caught(func() { call = c.call(p.new(&w, c.opts)) }); err != nil {
		return nil, err
	}
	n := 1
	if c.parallel {
		n = callers
	}
	if err := several(n, func(int) { call() }); err != nil {
		return nil, err
	}
	if err := w.Wait(n * calls); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lines, nil
}

// several has n goroutines make a few calls each, which are numbered, and
// returns an error if one panics.
func several(n int, call func(number int)) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			errs[i] = caught(func() {
				for j := range calls {
					call(i*calls + j)
				}
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func caught(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	f()
	return nil
}

// recorder is a Counter that keeps the lines.
type recorder struct {
	Counter
	mu    sync.Mutex
	lines [][]byte
}

func (w *recorder) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.lines = append(w.lines, bytes.Clone(p))
	w.mu.Unlock()
	return w.Counter.Write(p)
}

func parse(line []byte) (map[string]any, error) {
	text, ok := bytes.CutSuffix(line, []byte("\n"))
	if !ok || bytes.ContainsRune(text, '\n') {
		return nil, errors.New("not one line")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return object, nil
}

// containing stands in an expectation for any text that contains it.
type containing string

// match returns an error unless all that want has is in got, too.
func match(want, got any, path string) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: %v, want an object", path, got)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			value, ok := object[key]
			if !ok {
				return fmt.Errorf("%s: missing", path+"/"+key)
			}
			if err := match(want[key], value, path+"/"+key); err != nil {
				return err
			}
		}
		return nil
	case containing:
		if text, ok := got.(string); !ok || !strings.Contains(text, string(want)) {
			return fmt.Errorf("%s: %v, want a text that contains %q", path, got, string(want))
		}
		return nil
	default:
		text, err := json.Marshal(want)
		if err != nil {
			return err
		}
		var same any
		if err := json.Unmarshal(text, &same); err != nil {
			return err
		}
		if !reflect.DeepEqual(same, got) {
			return fmt.Errorf("%s: %v, want %s", path, got, text)
		}
		return nil
	}
}

// stamped returns an error unless value is a time between the two, to the
// millisecond at least.
func stamped(value any, from, to time.Time) error {
	text, _ := value.(string)
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return err
	}
	if t.Before(from.Truncate(time.Millisecond)) || t.After(to) {
		return fmt.Errorf("%s is not the time of the call", text)
	}
	return nil
}

func merge(objects ...map[string]any) map[string]any {
	all := map[string]any{}
	for _, m := range objects {
		maps.Copy(all, m)
	}
	return all
}
