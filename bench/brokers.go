package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/sluicelog/sluice/logstash"
)

// BrokerBatch is how many events are sent to a broker together.
const BrokerBatch = logstash.MaxBatchSize

// A Broker is what keeps events until a Logstash takes them.
type Broker struct {
	Name            string // "Kafka"
	Server, Version string // what runs, as in "redis-server", "7.0.15"
	Setting         string // what all its clients have in common, as a text for readers
	Cases           []BrokerCase
	Missing         error // why there is none on this machine; nil if there is
}

// Brokers returns all that events are sent to.
func Brokers() []Broker { return []Broker{kafkaBroker(), redisBroker()} }

// BrokerCase is a way in which events go to a broker, and the clients that can have
// them go in this way.
type BrokerCase struct {
	Name  string
	Peers []BrokerClient // the broker's own
	Ours  []BrokerClient // the Transport alone first, and the whole Shipper

	start func() (store, error)
}

// BrokerClient is a client of a broker.
type BrokerClient struct {
	Name, Version string

	dial func(addr string) (shipment, error)
}

// store is a broker that runs.
type store interface {
	addr() string
	// each calls f with every event that it has.
	each(f func(event []byte)) error
	close() error
}

// Ship returns what an event costs until the broker has acked it, when so many are sent
// one after the other over a connection that is there already, in batches of
// BrokerBatch. The broker is a new one. An error says that it got other events than
// those.
func (b BrokerCase) Ship(l Load, c BrokerClient) (cost Delivery, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %s: %w", c.Name, b.Name, err)
		}
	}()
	s, err := b.start()
	if err != nil {
		return cost, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	conn, err := c.dial(s.addr())
	if err != nil {
		return cost, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	runtime.GC() // what the broker before had is not this one's
	events := newEvents()
	cost, times, err := deliver(conn, events, l.Brokered)
	if err != nil {
		return cost, err
	}
	got := newTally()
	if err := s.each(got.add); err != nil {
		return cost, err
	}
	return cost, got.got(events, times)
}

// ours returns our clients of a broker: address returns what they are to dial.
func ours(name string, scheme logstash.Scheme, o logstash.DialOptions, address func(addr string) string) []BrokerClient {
	return []BrokerClient{
		{name + " transport", "of this tree", func(addr string) (shipment, error) { return transport(scheme, address(addr), o) }},
		{"logstash.Shipper over " + name + "://", "of this tree", func(addr string) (shipment, error) { return shipper(scheme, address(addr), o) }},
	}
}

// transport returns a shipment over the Transport alone that a scheme has for an
// address, without the Shipper and its queue.
func transport(scheme logstash.Scheme, addr string, o logstash.DialOptions) (shipment, error) {
	var t logstash.Transport
	open := scheme.Open
	scheme.Open = func(to logstash.Remote) (_ logstash.Transport, err error) {
		t, err = open(to)
		return idle{}, err
	}
	o.Schemes = []logstash.Scheme{scheme}
	s, err := logstash.Dial(addr, &o)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	if p, ok := t.(logstash.Pipeliner); ok {
		return pipelined{p}, nil
	}
	return sending{t}, nil
}

// idle is what a Shipper is given in place of a Transport that is used by itself.
type idle struct{}

func (idle) Send(context.Context, [][]byte) (int, error) { return 0, errors.ErrUnsupported }
func (idle) Close() error                                { return nil }

// sending sends a batch when the one before is acked.
type sending struct{ logstash.Transport }

func (s sending) send(events [][]byte, times int) error {
	for range times {
		acked, err := s.Send(context.Background(), events)
		if err != nil {
			return err
		}
		if err := counted(acked, len(events)); err != nil {
			return err
		}
	}
	return nil
}

// pipelined has as many batches under way as a Shipper would.
type pipelined struct{ logstash.Pipeliner }

func (p pipelined) send(events [][]byte, times int) error {
	left := 0
	for range times {
		if err := p.await(&left, (underWay-1)*len(events)); err != nil {
			return err
		}
		if err := p.Start(context.Background(), events); err != nil {
			return err
		}
		left += len(events)
	}
	return p.await(&left, 0)
}

// await waits until no more than so many events are not acked.
func (p pipelined) await(left *int, most int) error {
	for *left > most {
		acked, err := p.Progress()
		if trouble, ok := errors.AsType[interface {
			error
			UnderWay() bool
		}](err); err != nil && (!ok || !trouble.UnderWay()) {
			return err
		}
		if *left -= acked; *left > most {
			<-p.News()
		}
	}
	return nil
}

// shipper returns a shipment through the whole Shipper.
func shipper(scheme logstash.Scheme, addr string, o logstash.DialOptions) (shipment, error) {
	o.Schemes = []logstash.Scheme{scheme}
	o.Policy, o.BlockTimeout, o.Size = logstash.Block, -1, waiting
	s, err := logstash.Dial(addr, &o)
	if err != nil {
		return nil, err
	}
	return shipperConn{s}, nil
}
