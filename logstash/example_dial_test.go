package logstash_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// folder returns a new folder, as /var/lib/app would be one.
func folder() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// soon is the context of those who do not wait for long.
func soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// startSecureLogstash stands in for Logstash with a Beats input over TLS. The file
// has the certificate of its authority.
func startSecureLogstash(dir string) (addr, caFile string, stop func()) {
	https := httptest.NewUnstartedServer(nil) // it has a certificate for 127.0.0.1
	https.StartTLS()
	defer https.Close()
	srv, err := lstest.ListenBeats("127.0.0.1:0", &lstest.BeatsOptions{TLS: https.TLS})
	if err != nil {
		panic(err)
	}
	caFile = filepath.Join(dir, "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: https.Certificate().Raw})
	if err := os.WriteFile(caFile, text, 0o600); err != nil {
		panic(err)
	}
	return srv.Addr(), caFile, srv.Kill
}

// With a spool, events outlive the program. What the first one could not deliver, the
// next one does, before events of its own.
func ExampleDial_spool() {
	dir, remove := folder()
	defer remove()
	opts := logstash.DialOptions{SpoolDir: filepath.Join(dir, "spool"), SpoolMode: logstash.SpoolAlways}

	offline := opts
	offline.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }
	first, _ := logstash.Dial("beats://logstash", &offline)
	fmt.Fprintln(first, `{"message":"order placed"}`)
	now, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_ = first.Shutdown(now) // says that one event is not delivered
	fmt.Println("left in the spool:", first.Stats().Spooled)

	addr, stop := startLogstash()
	defer stop()
	second, _ := logstash.Dial("beats://"+addr, &opts)
	fmt.Println(second.Shutdown(soon()))
	fmt.Println("found there:", second.Stats().Restored, "and acked:", second.Stats().Written)
	// Output:
	// left in the spool: 1
	// <nil>
	// found there: 1 and acked: 1
}

// The second address takes over when the first does not work.
func ExampleDial_addresses() {
	first, stopFirst := startLogstash()
	stopFirst()
	second, stop := startLogstash()
	defer stop()

	shipper, err := logstash.Dial("beats://"+first+","+second, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shipper.Close()
	fmt.Fprintln(shipper, `{"message":"order placed"}`)
	if err := shipper.Flush(soon()); err != nil {
		fmt.Println(err)
	}
	for i, e := range shipper.Health().Endpoints {
		fmt.Printf("address %d: %d connections, works: %t\n", i+1, e.Connections, e.LastError == nil)
	}
	// Output:
	// address 1: 0 connections, works: false
	// address 2: 1 connections, works: true
}

func ExampleDial_tls() {
	dir, remove := folder()
	defer remove()
	addr, caFile, stop := startSecureLogstash(dir)
	defer stop()

	shipper, err := logstash.Dial("beats+tls://"+addr, &logstash.DialOptions{
		CAFile: caFile, // read again for each connection, if it has changed
		// CertFile and KeyFile, where the input wants a client certificate.
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	slog.New(logstash.NewHandler(shipper, nil)).Info("order placed")
	fmt.Println(shipper.Shutdown(soon()), shipper.Stats().Written)

	_, err = logstash.Dial("beats+tls://"+addr, &logstash.DialOptions{CertFile: "client.pem"})
	fmt.Println(err)
	// Output:
	// <nil> 1
	// logstash: DialOptions.CertFile "client.pem" with KeyFile "": want both or none
}

// list is a Transport to a list, as one to Redis could be. It does not bear one word.
type list struct{ events []string }

func (l *list) Send(_ context.Context, events [][]byte) (acked int, err error) {
	for i, event := range events {
		if bytes.Contains(event, []byte("poison")) {
			return i, fmt.Errorf("list: %w", logstash.ErrRejected)
		}
		l.events = append(l.events, string(event))
	}
	return len(events), nil
}

func (*list) Close() error { return nil }

// A Transport of your own gets what Dial's have: the queue, the spool, order, retries.
func ExampleNewShipper() {
	var to list
	shipper, err := logstash.NewShipper(&to, &logstash.DialOptions{BatchSize: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(shipper, `{"message":"one"}`)
	fmt.Fprintln(shipper, `{"message":"two"}`)
	fmt.Println(shipper.Shutdown(soon()))
	fmt.Println(to.events)
	// Output:
	// <nil>
	// [{"message":"one"} {"message":"two"}]
}

// An event that the receiver will not take holds up the others for a moment only. It
// goes to OnDrop and to the QuarantineFile.
func ExampleErrRejected() {
	var to list
	shipper, err := logstash.NewShipper(&to, &logstash.DialOptions{
		MinBackoff: time.Millisecond,
		OnDrop: func(event []byte, reason error) {
			fmt.Println(string(event), errors.Is(reason, logstash.ErrRejected))
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, message := range []string{"one", "poison", "two"} {
		fmt.Fprintf(shipper, `{"message":%q}`, message)
	}
	fmt.Println(shipper.Shutdown(soon()))
	fmt.Println(to.events, shipper.Stats().DroppedRejected)
	// Output:
	// {"message":"poison"} true
	// <nil>
	// [{"message":"one"} {"message":"two"}] 1
}

func ExampleShipper_Health() {
	down := make(chan logstash.Health, 1)
	shipper, err := logstash.Dial("beats://logstash", &logstash.DialOptions{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") },
		OnState: func(h logstash.Health) {
			if h.State == logstash.Down {
				down <- h // an alarm; Health says the same when it is asked
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(shipper, `{"message":"order placed"}`)
	h := <-down
	fmt.Println(h.State, "with", shipper.Stats().Queued, "event waiting")
	fmt.Println(h.Endpoints[0].Addr, "has failed:", h.Endpoints[0].LastError)
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = shipper.Shutdown(now) // says that one event is not delivered
	// Output:
	// down with 1 event waiting
	// logstash:5044 has failed: logstash: connect to logstash:5044: no network
}
