package lstest_test

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestUDP(t *testing.T) {
	testlog.CheckGoroutines(t)
	peers := make(chan int, 10)
	srv, err := lstest.ListenUDP("127.0.0.1:0", &lstest.UDPOptions{OnDatagram: func(peer int, _ []byte) { peers <- peer }})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	var conns []net.Conn
	for range 2 {
		nc, err := net.Dial("udp", srv.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nc.Close() })
		conns = append(conns, nc)
	}
	for i, p := range []string{"{\"a\":1}\n", `{"b":2}`, `{"c":3}`} {
		send(t, conns[i%2], []byte(p))
		if peer := <-peers; peer != i%2+1 {
			t.Errorf("datagram %d is said to come from %d", i, peer)
		}
	}
	srv.Kill()
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := srv.Restart(); err == nil {
		t.Error("a running receiver was restarted")
	}
	send(t, conns[0], []byte(`{"d":4}`))
	<-peers
	want := [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`), []byte(`{"c":3}`), []byte(`{"d":4}`)}
	if diff := cmp.Diff(want, srv.Datagrams()); diff != "" || srv.Count() != 4 {
		t.Errorf("count %d; datagrams mismatch (-want +got):\n%s", srv.Count(), diff)
	}
}
