package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// topic is that of a Kafka that stands in for another.
const topic = "sluice-bench"

// mostRequest is the largest request that is read.
const mostRequest = 64 << 20

// A spoken request is one that such a Kafka knows.
type spoken struct {
	make func() kmsg.Request
	most int16 // the last version: later ones call topics by numbers
}

func language() map[kmsg.Key]spoken {
	return map[kmsg.Key]spoken{
		kmsg.Produce:        {func() kmsg.Request { return kmsg.NewPtrProduceRequest() }, 9},
		kmsg.Metadata:       {func() kmsg.Request { return kmsg.NewPtrMetadataRequest() }, 9},
		kmsg.InitProducerID: {func() kmsg.Request { return kmsg.NewPtrInitProducerIDRequest() }, 4},
		kmsg.ApiVersions:    {func() kmsg.Request { return kmsg.NewPtrApiVersionsRequest() }, new(kmsg.ApiVersionsRequest).MaxVersion()},
	}
}

// serveKafka answers the requests of a producer as a Kafka of one broker does that keeps nothing.
func serveKafka(conn net.Conn) error {
	host, portText, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		return err
	}
	port, err := strconv.ParseInt(portText, 10, 32)
	if err != nil {
		return err
	}
	var size [4]byte
	for {
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return err
		}
		n := binary.BigEndian.Uint32(size[:])
		if n > mostRequest {
			return fmt.Errorf("a request of %d bytes", n)
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(conn, text); err != nil {
			return err
		}
		number, req, err := readRequest(text)
		if err != nil {
			return err
		}
		resp := answerKafka(req, host, int32(port))
		out := append(make([]byte, len(size), 256), number...)
		if resp.IsFlexible() && resp.Key() != int16(kmsg.ApiVersions) { // which has to be read by those who do not know yet
			out = append(out, 0)
		}
		out = resp.AppendTo(out)
		binary.BigEndian.PutUint32(out, uint32(len(out)-len(size))) //nolint:gosec // a few hundred
		if _, err := conn.Write(out); err != nil {
			return err
		}
	}
}

// readRequest reads a request, and the number that its answer has to have.
func readRequest(text []byte) (number []byte, req kmsg.Request, err error) {
	const fixed = 10 // key, version, number, and the length of the client's name
	if len(text) < fixed {
		return nil, nil, errors.New("no request")
	}
	key, version := int16(binary.BigEndian.Uint16(text)), int16(binary.BigEndian.Uint16(text[2:])) //nolint:gosec // the same bits
	number = bytes.Clone(text[4:8])
	known, ok := language()[kmsg.Key(key)]
	if !ok || version < 0 || version > known.most {
		return nil, nil, fmt.Errorf("request %d in version %d", key, version)
	}
	req = known.make()
	name := max(int(int16(binary.BigEndian.Uint16(text[8:]))), 0) //nolint:gosec // -1 is none
	if text = text[fixed:]; len(text) < name {
		return nil, nil, errors.New("no name of a client")
	}
	text = text[name:]
	req.SetVersion(version)
	if req.IsFlexible() {
		text = text[min(1, len(text)):] // no tags
	}
	return number, req, req.ReadFrom(text)
}

// answerKafka returns the answer to a request.
func answerKafka(req kmsg.Request, host string, port int32) kmsg.Response {
	resp := req.ResponseKind()
	switch resp := resp.(type) {
	case *kmsg.ApiVersionsResponse:
		for key, known := range language() {
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = int16(key), known.most
			resp.ApiKeys = append(resp.ApiKeys, k)
		}
	case *kmsg.MetadataResponse:
		b := kmsg.NewMetadataResponseBroker()
		b.Host, b.Port = host, port
		resp.Brokers = append(resp.Brokers, b)
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Replicas, p.ISR = []int32{0}, []int32{0}
		t := kmsg.NewMetadataResponseTopic()
		t.Topic, t.Partitions = new(topic), append(t.Partitions, p)
		resp.Topics = append(resp.Topics, t)
	case *kmsg.InitProducerIDResponse:
		resp.ProducerID = 1
	case *kmsg.ProduceResponse:
		asked, _ := req.(*kmsg.ProduceRequest)
		for _, in := range asked.Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic = in.Topic
			for _, part := range in.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition = part.Partition
				t.Partitions = append(t.Partitions, p)
			}
			resp.Topics = append(resp.Topics, t)
		}
	}
	return resp
}
