package logstash

// Strategy says which of several addresses a connection is made to. One that
// has failed is left out until its backoff is over.
type Strategy int

// The strategies for several addresses.
const (
	// PreferPrimary takes the first address that works, in the order given. A
	// connection to another than the first one ends after ConnectionTTL.
	PreferPrimary Strategy = iota
	// RoundRobin takes the next address for each new connection. It begins with any.
	RoundRobin
	// Random takes any address for each new connection.
	Random
	// LoadBalance keeps Connections open at the same time, spread over the
	// addresses: a new one goes to any of those that have the fewest. Each address of a
	// name is one, see Connections.
	// Events are in order on each of them only, and, with a Key, among those of one key.
	LoadBalance
)

const strategyNames names = "prefer_primary round_robin random load_balance"

// String returns the name of the strategy, such as "load_balance".
func (s Strategy) String() string { return strategyNames.of(int(s), "Strategy") }

// MarshalText returns the name of the strategy.
func (s Strategy) MarshalText() ([]byte, error) { return strategyNames.marshal(int(s), "strategy") }

// UnmarshalText accepts the names, in any case and with "-" for "_".
func (s *Strategy) UnmarshalText(text []byte) error {
	v, err := strategyNames.parse(text, "strategy")
	if err == nil {
		*s = Strategy(v)
	}
	return err
}
