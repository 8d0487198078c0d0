package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	client "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

func TestDial(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	s, err := redis.Dial(addrOf(f.addr, "logs"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(event(0)); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{string(event(0))}, f.list("logs")); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// Sentinels have a port of their own, and Options are copied.
func TestScheme(t *testing.T) {
	t.Parallel()
	opts := redis.Options{}
	plain := redis.Scheme(&opts)
	opts.MasterName = "orders"
	if got := []string{plain.Port, redis.Scheme(&opts).Port, redis.Scheme(nil).Port}; cmp.Diff([]string{"6379", "26379", "6379"}, got) != "" {
		t.Errorf("ports %q", got)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ship := dial(t, addrOf(s.addr, "a%20key"), &redis.Options{DB: 3}, logstash.DialOptions{BatchSize: 100, MaxEventBytes: 16 << 20})
	ship.write(5000)
	if _, err := ship.Write(lstest.AppendEvent(nil, 0, ship.sent, strings.Repeat("x", 10<<20))); err != nil {
		t.Fatal(err)
	}
	ship.sent++
	if n := ship.check(func() []string {
		s.do("swapdb", 0, 3)
		return s.list("a key")
	}); n != 0 || ship.wasDown() {
		t.Errorf("%d duplicates, down: %t", n, ship.wasDown())
	}
}

// A stream holds the events in order, and a consumer group reads them.
func TestStream(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ship := dial(t, addrOf(s.addr, "logs"), &redis.Options{Stream: true, Field: "json"}, logstash.DialOptions{BatchSize: 100})
	ship.write(2000)
	ship.check(func() (entries []string) {
		c := s.client()
		ctx := context.Background()
		if err := c.XGroupCreate(ctx, "logs", "readers", "0").Err(); err != nil {
			t.Fatal(err)
		}
		for len(entries) < 2000 {
			got, err := c.XReadGroup(ctx, &client.XReadGroupArgs{
				Group: "readers", Consumer: strconv.Itoa(len(entries) % 2), Streams: []string{"logs", ">"}, Count: 300, Block: -1,
			}).Result()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range got[0].Messages {
				entries = append(entries, fmt.Sprint(m.Values["json"]))
			}
		}
		return entries
	})
}

// MaxLen makes Redis forget the oldest entries.
func TestStreamMaxLen(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--stream-node-max-entries", "10")
	ship := dial(t, addrOf(s.addr, "logs"), &redis.Options{Stream: true, MaxLen: 100}, logstash.DialOptions{BatchSize: 50})
	ship.write(1000)
	ship.flush()
	got, err := s.client().XRange(t.Context(), "logs", "-", "+").Result()
	if err != nil || len(got) < 100 || len(got) > 200 {
		t.Fatalf("%d entries, %v; want about 100", len(got), err)
	}
	if last := fmt.Sprint(got[len(got)-1].Values["event"]); last != string(event(999)) {
		t.Errorf("the last is %s", last)
	}
}

// A server that is killed again and again, and syncs its file before it answers, loses
// nothing; what arrives twice are batches whose answer was lost.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream %t", stream), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "--appendonly", "yes", "--appendfsync", "always")
			const kills, batch = 3, 50
			ship := dial(t, addrOf(s.addr, "logs"), &redis.Options{Stream: stream}, logstash.DialOptions{
				BatchSize: batch, Timeout: 5 * time.Second,
			})
			stop := make(chan struct{})
			written := make(chan struct{})
			go func() {
				defer close(written)
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for {
					ship.write(10)
					select {
					case <-stop:
						return
					case <-tick.C:
					}
				}
			}()
			for range kills {
				at := ship.Stats().Written
				eventually(t, "events flow", func() bool { return ship.Stats().Written > at+500 })
				s.kill()
				s.start()
			}
			close(stop)
			<-written
			read := func() []string { return s.list("logs") }
			if stream {
				read = func() []string { return s.stream("logs") }
			}
			if n := ship.check(read); n > kills*batch {
				t.Errorf("%d duplicates after %d kills, want at most %d", n, kills, kills*batch)
			}
			if !ship.wasDown() {
				t.Error("nobody was told")
			}
		})
	}
}

// Connections break at every place; nothing is lost, and what is there twice is bounded.
func TestChaos(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for seed := range uint64(2) {
		key := fmt.Sprint("logs", seed)
		proxy, err := lstest.ListenProxy("127.0.0.1:0", s.addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = proxy.Close() })
		proxy.SetScript(lstest.Chaos(seed, 200<<10, 20*time.Millisecond))
		ship := dial(t, addrOf(proxy.Addr(), key), &redis.Options{Stream: seed == 1}, logstash.DialOptions{
			BatchSize: 100, Timeout: 500 * time.Millisecond,
		})
		ship.write(10_000)
		eventually(t, "most are through", func() bool { return ship.Stats().Written > 9000 })
		proxy.SetScript(nil)
		read := func() []string { return s.list(key) }
		if seed == 1 {
			read = func() []string { return s.stream(key) }
		}
		n := ship.check(read)
		t.Logf("seed %d: %d duplicates, %+v", seed, n, proxy.Stats())
		if most := 100 * proxy.Stats().Passed; n > most {
			t.Errorf("seed %d: %d duplicates, want at most a batch for each connection, %d", seed, n, most)
		}
	}
}

// While the memory is full, events stay here, and go on when there is room: for a list,
// when Logstash takes some, which it can although the memory is full.
func TestMaxMemory(t *testing.T) {
	t.Parallel()
	t.Run("list", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
		ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{BatchSize: 200})
		ship.write(40_000)
		ship.awaitError("OOM", "maxmemory", "until there is room", s.addr)
		if h := ship.Health(); h.State != logstash.Down {
			t.Errorf("state %v", h.State)
		}
		var read []string
		reader := s.client()
		for len(read) < 40_000 {
			got, err := reader.Eval(t.Context(), popScript, []string{"logs"}, 1000).StringSlice()
			if err != nil {
				t.Fatal(err)
			}
			read = append(read, got...)
		}
		if n := ship.check(func() []string { return read }); n != 0 || ship.Stats().Resent != 0 {
			t.Errorf("%d duplicates, resent %d: a full server has nothing of the batch", n, ship.Stats().Resent)
		}
	})
	t.Run("stream", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
		ship := dial(t, addrOf(s.addr, "logs"), &redis.Options{Stream: true}, logstash.DialOptions{BatchSize: 200})
		ship.write(40_000)
		ship.awaitError("OOM", "until there is room")
		s.do("config", "set", "maxmemory", "1gb")
		if n := ship.check(func() []string { return s.stream("logs") }); n != 0 || ship.Stats().Resent != 0 {
			t.Errorf("%d duplicates, resent %d", n, ship.Stats().Resent)
		}
	})
}

// popScript takes entries off the front of a list, with the commands that the redis input
// uses when its batch_count is more than one.
const popScript = `
local entries = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
redis.call('LTRIM', KEYS[1], #entries, -1)
return entries`

// What a reader is being given when it, or Redis, dies is off the list for good.
func TestReaderIsCutOff(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--appendonly", "yes", "--appendfsync", "always")
	ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{})
	ship.write(1000)
	ship.flush()
	reader, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := fmt.Fprint(reader, "*5\r\n$4\r\neval\r\n", bulk(popScript), bulk("1"), bulk("logs"), bulk("125")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is given some", func() bool { return s.length() == 875 })
	s.kill()
	s.start()
	if n := s.length(); n != 875 {
		t.Errorf("%d entries", n)
	}
}

// No more than the threshold and one batch are in the list.
func TestCongestionThreshold(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ship := dial(t, addrOf(s.addr, "logs"), &redis.Options{CongestionThreshold: 1000}, logstash.DialOptions{BatchSize: 300})
	ship.write(2000)
	ship.awaitError(`"logs" has 1`, "entries, more than Options.CongestionThreshold, 1000")
	if h := ship.Health(); h.State != logstash.Down {
		t.Errorf("state %v", h.State)
	}
	if n := s.length(); n <= 1000 || n > 1300 {
		t.Errorf("%d entries", n)
	}
	var read []string
	reader := s.client()
	eventually(t, "all are read", func() bool {
		got, err := reader.LPopCount(t.Context(), "logs", 100).Result()
		if err != nil && !errors.Is(err, client.Nil) {
			t.Fatal(err)
		}
		read = append(read, got...)
		return len(read) >= 2000
	})
	if n := ship.check(func() []string { return read }); n != 0 || ship.Stats().Resent != 0 {
		t.Errorf("%d duplicates, resent %d", n, ship.Stats().Resent)
	}
}

// The threshold costs a round trip before the first batch, and none for each.
func TestCongestionTrips(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		f := newFake(t, nil)
		transport := openTransport(t, addrOf(f.addr, "logs"), &redis.Options{Stream: stream, CongestionThreshold: 50}, nil)
		send := func() int {
			acked, err := transport.Send(t.Context(), [][]byte{event(0), event(1)})
			if (acked == 2) != (err == nil) {
				t.Errorf("Send: %d, %v", acked, err)
			}
			return acked
		}
		for range 26 {
			send()
		}
		if n := f.count("llen") + f.count("xlen"); !stream && n != 1 || stream && n != 27 { // one in each transaction
			t.Errorf("stream %t: asked %d times", stream, n)
		}
		if n := len(f.list("logs")); n != 52 || send() != 0 {
			t.Errorf("stream %t: %d entries, or it goes on", stream, n)
		}
		f.take("logs")
		if send() != 2 {
			t.Errorf("stream %t: it does not go on", stream)
		}
	}
}

// A master that becomes a replica is left, and found again.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{})
	ship.write(10)
	ship.flush()
	other := newServer(t)
	s.do("replicaof", "127.0.0.1", other.port())
	ship.write(10)
	ship.awaitError("READONLY", "this is a replica", "MasterName")
	s.do("replicaof", "no", "one")
	ship.flush()
	if r := ship.Stats().Resent; r != 0 {
		t.Errorf("resent %d", r)
	}
}

func TestWrongType(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, stream := range []bool{false, true} {
		key := fmt.Sprint("key", stream)
		s.do("set", key, "a string")
		ship := dial(t, addrOf(s.addr, key), &redis.Options{Stream: stream}, logstash.DialOptions{})
		ship.write(100)
		ship.awaitError("WRONGTYPE", "holds something else", key)
		s.do("del", key)
		if n := ship.check(func() []string {
			if stream {
				return s.stream(key)
			}
			return s.list(key)
		}); n != 0 {
			t.Errorf("%d duplicates", n)
		}
	}
}

// An event that the server will never take is put aside, and does not hold up the others.
func TestTooLong(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--proto-max-bulk-len", "1mb")
	path := filepath.Join(t.TempDir(), "quarantine.json")
	ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{MaxEventBytes: 4 << 20, QuarantineFile: path})
	ship.write(100)
	long := lstest.AppendEvent(nil, 0, 7, strings.Repeat("x", 3<<20))
	if _, err := ship.Write(long); err != nil {
		t.Fatal(err)
	}
	ship.write(100)
	ship.flush()
	if st := ship.Stats(); st.DroppedRejected != 1 || st.Written != 200 {
		t.Errorf("stats %+v", st)
	}
	eventually(t, "it is told", func() bool { return ship.told("proto-max-bulk-len") })
	if kept, err := os.ReadFile(path); err != nil || string(kept) != string(long)+"\n" {
		t.Errorf("quarantine has %d bytes, %v", len(kept), err)
	}
	if l := account(s.list("logs")); l.Unique() != 200 {
		t.Errorf("%d events arrived", l.Unique())
	}
}

// An event over which the server hangs up without a word is put aside as well.
func TestQueryBufferLimit(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--client-query-buffer-limit", "1mb")
	path := filepath.Join(t.TempDir(), "quarantine.json")
	ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{MaxEventBytes: 4 << 20, QuarantineFile: path})
	long := lstest.AppendEvent(nil, 0, 7, strings.Repeat("x", 3<<20))
	ship.write(100)
	if _, err := ship.Write(long); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is put aside", func() bool {
		ship.write(1) // without acks of others nothing is suspected
		return ship.Stats().DroppedRejected == 1
	})
	ship.flush()
	if st := ship.Stats(); st.Written != uint64(ship.sent) {
		t.Errorf("stats %+v", st)
	}
	eventually(t, "it is told", func() bool { return ship.told("client-query-buffer-limit") })
	t.Logf("%d errors, %d resent", len(ship.troubles()), ship.Stats().Resent)
	if kept, err := os.ReadFile(path); err != nil || string(kept) != string(long)+"\n" {
		t.Errorf("quarantine has %d bytes, %v", len(kept), err)
	}
	if l := account(s.list("logs")); l.Unique() != ship.sent || uint64(l.Duplicates()) > ship.Stats().Resent {
		t.Errorf("%d events arrived, %d duplicates", l.Unique(), l.Duplicates())
	}
}

// A server that closes idle connections is no trouble.
func TestIdle(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--timeout", "1")
	ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{})
	ship.write(10)
	ship.flush()
	eventually(t, "it closes the connection", func() bool {
		return strings.Count(fmt.Sprint(s.do("client", "list")), "\n") == 1 // the one that asks
	})
	ship.write(10)
	if n := ship.check(func() []string { return s.list("logs") }); n != 0 || ship.wasDown() || ship.Stats().Resent != 0 {
		t.Errorf("%d duplicates, down: %t, resent %d: %q", n, ship.wasDown(), ship.Stats().Resent, ship.troubles())
	}
}

// A server that rejects writes for want of replicas, or of a disk, is waited for.
func TestNoReplicas(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--min-replicas-to-write", "1")
	ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{})
	ship.write(10)
	ship.awaitError("NOREPLICAS", "min-replicas-to-write")
	s.do("config", "set", "min-replicas-to-write", "0")
	if n := ship.check(func() []string { return s.list("logs") }); n != 0 {
		t.Errorf("%d duplicates", n)
	}
}

// With no room for one more client, the error says so.
func TestMaxClients(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	own := s.client()
	if err := own.ConfigSet(t.Context(), "maxclients", "1").Err(); err != nil {
		t.Fatal(err)
	}
	ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{})
	ship.write(10)
	ship.awaitError("max number of clients", "raise maxclients")
	if r := ship.Stats().Resent; r != 0 {
		t.Errorf("resent %d", r)
	}
	if err := own.ConfigSet(t.Context(), "maxclients", "100").Err(); err != nil {
		t.Fatal(err)
	}
	ship.check(func() []string { return s.list("logs") })
}
