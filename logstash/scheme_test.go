package logstash_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/logstash"
)

// recorder is a Pipeliner that acks a batch when it is asked for progress. It tells of
// trouble first, as often as it is to.
type recorder struct {
	to       logstash.Remote
	trouble  int
	under    int
	got      []string
	news     chan struct{}
	isClosed bool
}

type troubleError struct{}

func (troubleError) Error() string  { return "no broker answers" }
func (troubleError) UnderWay() bool { return true }

func (r *recorder) Send(context.Context, [][]byte) (int, error) { panic("not called") }

func (r *recorder) Start(_ context.Context, events [][]byte) error {
	for _, event := range events {
		r.got = append(r.got, string(event))
	}
	r.under += len(events)
	r.tell()
	return nil
}

func (r *recorder) tell() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (r *recorder) Progress() (int, error) {
	if r.under > 0 && r.trouble > 0 {
		r.trouble--
		time.AfterFunc(time.Second, r.tell)
		return 0, troubleError{}
	}
	n := r.under
	r.under = 0
	return n, nil
}

func (r *recorder) News() <-chan struct{} { return r.news }
func (r *recorder) Close() error          { r.isClosed = true; return nil }

// scheme returns a Scheme that opens r.
func (r *recorder) scheme() logstash.Scheme {
	r.news = make(chan struct{}, 1)
	return logstash.Scheme{Name: "memo", Port: "99", Open: func(to logstash.Remote) (logstash.Transport, error) {
		r.to = to
		return r, nil
	}}
}

func TestScheme(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{trouble: 3}
		var states []logstash.State
		var errs []string
		s, err := logstash.Dial("memo+tls://me:s%40cret@a,[::1]:98/some%20topic", &logstash.DialOptions{
			Schemes: []logstash.Scheme{r.scheme()}, Pipeline: 2,
			OnState: func(h logstash.Health) { states = append(states, h.State) },
			OnError: func(err error) { errs = append(errs, err.Error()) },
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range []string{`{"a":1}`, `{"a":2}`} {
			if _, err := s.Write([]byte(event)); err != nil {
				t.Error(err)
			}
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait() // or two states may become one
		if err := s.Close(); err != nil || !r.isClosed {
			t.Errorf("Close() = %v, closed: %t", err, r.isClosed)
		}
		if diff := cmp.Diff([]string{`{"a":1}`, `{"a":2}`}, r.got); diff != "" {
			t.Errorf("events (-want +got), each once although there was trouble:\n%s", diff)
		}
		if diff := cmp.Diff([]logstash.State{logstash.Down, logstash.Up, logstash.Closed}, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if len(errs) != 2 || errs[0] != "no broker answers" || !strings.Contains(errs[1], "recovered after 3 failed attempts") {
			t.Errorf("errors: %q", errs)
		}
		to := r.to
		to.Dial, to.Options = nil, logstash.DialOptions{}
		want := logstash.Remote{
			Addr: "memo+tls://a:99,[::1]:98/some%20topic", Hosts: []string{"a:99", "[::1]:98"}, Path: "some topic",
			TLS: true, Username: "me", Password: "s@cret",
		}
		if diff := cmp.Diff(want, to); diff != "" {
			t.Errorf("Remote (-want +got):\n%s", diff)
		}
		if st := s.Stats(); st.Written != 2 || st.Accepted != 2 {
			t.Errorf("stats %+v", st)
		}
	})
}

// The connections of a Scheme have the timeout and the dialer of the options.
func TestSchemeDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(recorder)
		s, err := logstash.Dial("memo://a", &logstash.DialOptions{
			Schemes: []logstash.Scheme{r.scheme()}, Timeout: 7 * time.Second,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				<-ctx.Done()
				return nil, errors.New(addr + " is away")
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		begun := time.Now()
		if _, err := r.to.Dial(t.Context(), "tcp", "b:1"); err == nil || err.Error() != "b:1 is away" {
			t.Errorf("Dial: %v", err)
		}
		if took := time.Since(begun); took != 7*time.Second {
			t.Errorf("it took %v, want the Timeout of 7s", took)
		}
	})
}

func TestSchemeRefused(t *testing.T) {
	r := new(recorder)
	memo := r.scheme()
	plain := memo
	plain.Open = func(logstash.Remote) (logstash.Transport, error) {
		return struct{ logstash.Transport }{new(recorder)}, nil
	}
	none := memo
	none.Open = func(logstash.Remote) (logstash.Transport, error) { return nil, nil }
	failing := memo
	failing.Open = func(logstash.Remote) (logstash.Transport, error) { return nil, errors.New("memo: path: want one") }
	for _, tt := range []struct {
		name, addr string
		opts       logstash.DialOptions
		want       string
	}{
		{"unknown", "mem://a", logstash.DialOptions{Schemes: []logstash.Scheme{memo}}, `scheme "mem": want memo://, memo+tls://, beats://`},
		{"not registered", "memo://a", logstash.DialOptions{}, `scheme "memo": want beats://`},
		{"kafka", "kafka+tls://a", logstash.DialOptions{}, "or for kafka:// DialOptions.Schemes with that of package logstash/kafka"},
		{"neither user nor password", "memo://:@a", logstash.DialOptions{Schemes: []logstash.Scheme{memo}}, "user information: want"},
		{"query", "memo://a/b?c=d", logstash.DialOptions{Schemes: []logstash.Scheme{memo}}, `query "": want no query`},
		{"taken", "memo://a", logstash.DialOptions{Schemes: []logstash.Scheme{memo, memo}}, `Schemes[1].Name "memo": want a name that is not taken`},
		{"built in", "udp://a:1", logstash.DialOptions{Schemes: []logstash.Scheme{{Name: "udp", Open: memo.Open}}}, `Schemes[0].Name "udp": want a name that is not taken`},
		{"bad name", "udp://a:1", logstash.DialOptions{Schemes: []logstash.Scheme{{Name: "a+b"}}}, `Schemes[0].Open nil: want a function`},
		{"option", "memo://a", logstash.DialOptions{Schemes: []logstash.Scheme{memo}, KeepAlive: 1, Strategy: logstash.Random}, "Strategy, KeepAlive: want none for memo://"},
		{"TLS", "memo://a", logstash.DialOptions{Schemes: []logstash.Scheme{memo}, CAFile: "x"}, "CAFile: want none for memo://"},
		{"pipeline", "memo://a", logstash.DialOptions{Schemes: []logstash.Scheme{plain}, Pipeline: 2}, "Pipeline: want none for memo://"},
		{"no transport", "memo://a", logstash.DialOptions{Schemes: []logstash.Scheme{none}}, "neither a Transport nor an error"},
		{"its own", "memo://a", logstash.DialOptions{Schemes: []logstash.Scheme{failing}}, "memo: path: want one"},
		{"two users", "memo://me@a", logstash.DialOptions{Schemes: []logstash.Scheme{memo}, Username: "you"}, "not in both"},
	} {
		s, err := logstash.Dial(tt.addr, &tt.opts)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Dial: %v; want %s", tt.name, err, tt.want)
		}
	}
	// There is no option Connections for these.
	if _, err := logstash.Dial("memo://a,A", &logstash.DialOptions{Schemes: []logstash.Scheme{memo}}); err == nil || !strings.HasSuffix(err.Error(), "want each one once") {
		t.Errorf("twice the same host: %v", err)
	}
	key := func(event []byte) []byte { return event }
	if _, err := logstash.Dial("beats://a", &logstash.DialOptions{Key: key}); err == nil || !strings.Contains(err.Error(), "Key: want none, or LoadBalance") {
		t.Errorf("Key without LoadBalance: %v", err)
	}
	if _, err := logstash.Dial("tls://a:1,b:1", &logstash.DialOptions{Key: key, Strategy: logstash.LoadBalance}); err == nil || !strings.Contains(err.Error(), "Key: want none for tls://") {
		t.Errorf("Key without acks: %v", err)
	}
}

// refuser is a Transport whose receiver is not there at first.
type refuser struct{ left int }

type nothingError struct{}

func (nothingError) Error() string     { return "nobody there" }
func (nothingError) SentNothing() bool { return true }

func (r *refuser) Send(_ context.Context, events [][]byte) (int, error) {
	if r.left--; r.left >= 0 {
		return 0, fmt.Errorf("memo: %w", nothingError{})
	}
	return len(events), nil
}

func (r *refuser) Close() error { return nil }

// What was not sent at all is not sent once more.
func TestSentNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := logstash.NewShipper(&refuser{left: 3}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Write([]byte(`{"a":1}`)); err != nil {
			t.Error(err)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Written != 1 || st.Resent != 0 {
			t.Errorf("stats %+v; want one event written, none sent again", st)
		}
	})
}

// mortal is a Transport whose receiver dies of some events.
type mortal struct{ poison string }

type deathError struct{}

func (deathError) Error() string { return "closed without a word" }
func (deathError) Died() bool    { return true }

func (m *mortal) Send(_ context.Context, events [][]byte) (int, error) {
	for _, event := range events {
		if string(event) == m.poison {
			return 0, deathError{}
		}
	}
	return len(events), nil
}

func (m *mortal) Close() error { return nil }

// What a receiver dies of again and again goes to quarantine, alone.
func TestDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dropped []string
		s, err := logstash.NewShipper(&mortal{`{"a":7}`}, &logstash.DialOptions{OnDrop: func(event []byte, err error) {
			if errors.Is(err, logstash.ErrRejected) {
				dropped = append(dropped, string(event))
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range 20 {
			if _, err := fmt.Fprintf(s, `{"a":%d}`, i); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Hour)
		for i := range 20 { // acks of others, without which nothing is suspected
			if _, err := fmt.Fprintf(s, `{"b":%d}`, i); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Hour)
		}
		if diff := cmp.Diff([]string{`{"a":7}`}, dropped); diff != "" {
			t.Errorf("dropped (-want +got):\n%s", diff)
		}
		if st := s.Stats(); st.Written != 39 || st.DroppedRejected != 1 {
			t.Errorf("stats %+v", st)
		}
	})
}
