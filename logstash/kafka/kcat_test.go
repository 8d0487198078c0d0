package kafka_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

// message is what kcat has read of a record.
type message struct {
	Topic     string
	Partition int
	Offset    int
	Millis    int // since 1970
	HasKey    bool
	Key       string
	Value     string
	Headers   string // name=value,name=value
}

// messageFormat makes kcat print what readMessage reads.
const messageFormat = `%t %p %o %T %K %S %k%s %h\n`

// readMessage reads a message that kcat has printed.
func readMessage(r *bufio.Reader) (message, error) {
	var m message
	var key, value int
	if _, err := fmt.Fscanf(r, "%s %d %d %d %d %d", &m.Topic, &m.Partition, &m.Offset, &m.Millis, &key, &value); err != nil {
		return message{}, err
	}
	m.HasKey = key >= 0
	key = max(key, 0)
	text := make([]byte, 1+key+value+1) // a space before and behind it
	if _, err := io.ReadFull(r, text); err != nil {
		return message{}, err
	}
	m.Key, m.Value = string(text[1:1+key]), string(text[1+key:1+key+value])
	headers, err := r.ReadString('\n')
	m.Headers = strings.TrimSuffix(headers, "\n")
	return m, err
}

// kcat returns a command that runs kcat, a client on top of librdkafka, until the test ends.
func kcat(tb testing.TB, args ...string) *exec.Cmd {
	tb.Helper()
	path, err := exec.LookPath("kcat")
	if err != nil {
		tb.Skip("kcat is not installed (Debian: apt install kcat)")
	}
	return exec.CommandContext(tb.Context(), path, args...)
}

// kcatReads returns what kcat reads of a topic, those of a partition in their order. It checks the sums of
// batches.
func kcatReads(tb testing.TB, brokers, topic string) []message {
	tb.Helper()
	cmd := kcat(tb, "-C", "-b", brokers, "-t", topic, "-o", "beginning", "-e", "-q", "-X", "check.crcs=true", "-X", "fetch.wait.max.ms=20", "-f", messageFormat)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		tb.Fatalf("kcat: %v: %s", err, said.Bytes())
	}
	var all []message
	r := bufio.NewReader(bytes.NewReader(out))
	for {
		if _, err := r.Peek(1); err != nil {
			return all
		}
		m, err := readMessage(r)
		if err != nil {
			tb.Fatal("kcat: ", err)
		}
		all = append(all, m)
	}
}

// kcatWrites makes kcat write records with these keys, and values that tell their places.
func kcatWrites(tb testing.TB, brokers, topic string, keys [][]byte, settings ...string) {
	tb.Helper()
	args := []string{"-P", "-b", brokers, "-t", topic, "-K", "\t"}
	for _, setting := range settings {
		args = append(args, "-X", setting)
	}
	cmd := kcat(tb, args...)
	var in bytes.Buffer
	for i, key := range keys {
		fmt.Fprintf(&in, "%s\t%d\n", key, i)
	}
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		tb.Fatalf("kcat: %v: %s", err, out)
	}
}

// What is written is what librdkafka reads: topics, keys, values, headers, how many, and when.
func TestKcatReads(t *testing.T) {
	t.Parallel()
	texts := []string{"a message", "", "naïve ☃ 𝄞", "a\ttab, a\nline, \x00 and a \"quote\"", strings.Repeat("long ", 6000)}
	event := func(id int) string {
		text, err := json.Marshal(texts[id%len(texts)])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"sender":0,"id":%d,"message":%s}`, id, text)
	}
	want := func(id int) message {
		m := message{Topic: "logs", Value: event(id)}
		if id%3 == 0 {
			m.Topic = "audit"
		}
		if id%4 != 0 {
			m.HasKey, m.Key = true, fmt.Sprintf("host %d ü", id%50)
		}
		if id%2 == 0 {
			m.Headers = fmt.Sprintf("id=%d,team=größe", id)
		}
		return m
	}
	const n = 1000
	for name, codec := range codecs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(5, "logs", "audit"))
			s := c.dial(t, c.addr("logs"), &kafka.Options{
				Topic: func(event []byte) string { return want(id(event)).Topic },
				Headers: func(event []byte) []kgo.RecordHeader {
					if id(event)%2 != 0 {
						return nil
					}
					return []kgo.RecordHeader{{Key: "id", Value: fmt.Append(nil, id(event))}, {Key: "team", Value: []byte("größe")}}
				},
				Client: []kgo.Opt{kgo.ProducerBatchCompression(codec)},
			}, logstash.DialOptions{Key: func(event []byte) []byte { return []byte(want(id(event)).Key) }})
			begun := time.Now()
			for i := range n {
				if _, err := io.WriteString(s, event(i)); err != nil {
					t.Fatal(err)
				}
			}
			flush(t, s)
			balance(t, s, n, 0)
			brokers := strings.Join(c.ListenAddrs(), ",")
			got := slices.Concat(kcatReads(t, brokers, "logs"), kcatReads(t, brokers, "audit"))
			next := make(map[string]int)
			partitions := make(map[string]int)
			for i, m := range got {
				place := fmt.Sprint(m.Topic, m.Partition)
				if m.Offset != next[place] {
					t.Fatalf("offset %d of partition %d of %s, want %d", m.Offset, m.Partition, m.Topic, next[place])
				}
				next[place]++
				if at := time.UnixMilli(int64(m.Millis)); at.Before(begun.Truncate(time.Millisecond)) || at.After(time.Now()) {
					t.Fatalf("time %v, want one after %v", at, begun)
				}
				if p, ok := partitions[m.Topic+m.Key]; m.HasKey && ok && p != m.Partition {
					t.Fatalf("key %q in partitions %d and %d", m.Key, p, m.Partition)
				}
				partitions[m.Topic+m.Key] = m.Partition
				got[i].Partition, got[i].Offset, got[i].Millis = 0, 0, 0
			}
			slices.SortFunc(got, func(a, b message) int { return id([]byte(a.Value)) - id([]byte(b.Value)) })
			wants := make([]message, n)
			for i := range wants {
				wants[i] = want(i)
			}
			if diff := cmp.Diff(wants, got); diff != "" {
				t.Errorf("messages mismatch (-want +got):\n%.2000s", diff)
			}
		})
	}
}

// A key is in the partition that the clients of others choose for it: those in Java by default, and librdkafka
// with its partitioner murmur2_random. The default of librdkafka is another one, which can be had, too.
func TestKcatPartitions(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	keys := make([][]byte, 500)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "%d ", i)
		for range rng.IntN(40) {
			if c := byte(1 + rng.IntN(255)); c != '\t' && c != '\n' {
				keys[i] = append(keys[i], c)
			}
		}
	}
	crc := kgo.StickyKeyPartitioner(func(key []byte, n int) int { return int(crc32.ChecksumIEEE(key) % uint32(n)) })
	for _, tt := range []struct {
		name   string
		client []kgo.Opt
		kcat   []string
	}{
		{"murmur2", nil, []string{"topic.partitioner=murmur2_random"}},
		{"CRC32", []kgo.Opt{kgo.RecordPartitioner(crc)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, kfake.NumBrokers(2), kfake.SeedTopics(7, "ours", "theirs"))
			s := c.dial(t, c.addr("ours"), &kafka.Options{Client: tt.client}, logstash.DialOptions{
				Key: func(event []byte) []byte { return keys[id(event)] },
			})
			write(t, s, 0, len(keys))
			flush(t, s)
			brokers := strings.Join(c.ListenAddrs(), ",")
			kcatWrites(t, brokers, "theirs", keys, tt.kcat...)
			where := func(topic string) map[string]int {
				partitions := make(map[string]int)
				for _, m := range kcatReads(t, brokers, topic) {
					partitions[m.Key] = m.Partition
				}
				return partitions
			}
			ours, theirs := where("ours"), where("theirs")
			if len(theirs) != len(keys) {
				t.Errorf("kcat has written %d keys, want %d", len(theirs), len(keys))
			}
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Errorf("partitions mismatch (-want +got):\n%.2000s", diff)
			}
		})
	}
}
