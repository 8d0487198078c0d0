package jsonenc_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// FuzzAppendAny builds a value out of the bytes and compares what AppendAny and
// the standard library make of it.
func FuzzAppendAny(f *testing.F) {
	every := make([]byte, 0, 4*kinds)
	for kind := range byte(kinds) {
		f.Add([]byte{kind, 3, 'a', '\b', 0xff, 1, 2, 3, 4, 5, 6, 7, 8})
		f.Add([]byte{kindArray, 2, kind, 1, '"', kindCycle, 1})
		every = append(every, kind, 1, 'x', 1)
	}
	f.Add(append([]byte{kindArray, 60}, every...))
	f.Add(append([]byte{kindObject, 60}, every...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip("larger values are only slower")
		}
		m := maker{data: data}
		v := m.value(0)
		if at, ok := v.(time.Time); ok && (at.Year() < 0 || at.Year() > 9999) {
			t.Skip("the standard library prints no JSON")
		}
		checkAny(t, v)
	})
}

// FuzzAppendRaw does the same for the text of a json.RawMessage, in which a
// mutation finds the grammar of JSON more easily.
func FuzzAppendRaw(f *testing.F) {
	for _, text := range []string{
		`{"a": [1, -2.5e+10, true, false, null, "x\u00e9\"\\"]}`, "[\n]\n", `{ }`, `"\ud800"`, "\"\xff\"",
		`[1,]`, `{"a":1,}`, `01`, `-`,
		`1.`, `.5`, `1e`, `tru`, `nullx`, `"\x"`, `"\u12"`, "\"\n\"", `[}`, `{"a" 1}`,
		`{1:2}`, `"`, ``, ` `, "\ufeff1", `1 2`, `"a""b"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		checkAny(t, json.RawMessage(text))
		checkAny(t, json.Number(text))
		checkAny(t, []any{marshals{string(text)}, texts{string(text)}})
	})
}

// The kinds of values that a maker can make. It makes others as well.
const (
	kindArray = iota
	kindObject
	kindCycle
	kinds = 44
)

// A maker makes a value out of bytes. When they are used up, it reads zeros.
type maker struct {
	data    []byte
	parents []any // the containers it is in
}

func (m *maker) byte() byte {
	if len(m.data) == 0 {
		return 0
	}
	b := m.data[0]
	m.data = m.data[1:]
	return b
}

// count returns how many elements come, none if nothing comes.
func (m *maker) count() int { return min(int(m.byte()), len(m.data)) }

func (m *maker) text() string {
	n := m.count() % 32
	s := string(m.data[:n])
	m.data = m.data[n:]
	return s
}

func (m *maker) bits() (bits uint64) {
	for range 8 {
		bits = bits<<8 | uint64(m.byte())
	}
	return bits
}

func (m *maker) time() time.Time {
	// Some years beyond 9999, some zones beyond a day.
	seconds := int64(m.bits() % (1 << 39))
	nanos := int64(m.bits() % 1e9)
	zone := time.FixedZone("", int(m.byte())*450) // seconds, up to 32 hours
	return time.Unix(seconds-1<<37, nanos).In(zone)
}

func (m *maker) addr() netip.Addr {
	if m.byte()%2 == 0 {
		return netip.AddrFrom4([4]byte{m.byte(), m.byte(), m.byte(), m.byte()})
	}
	return netip.AddrFrom16([16]byte{m.byte(), m.byte(), m.byte(), 15: m.byte()}).WithZone(m.text())
}

func (m *maker) value(depth int) any { //nolint:gocyclo // one kind after the other
	kind := m.byte() % kinds
	if depth > 300 {
		kind = kinds - 1
	}
	switch kind {
	case kindArray:
		v := make([]any, m.count())
		m.parents = append(m.parents, v)
		for i := range v {
			v[i] = m.value(depth + 1)
		}
		m.parents = m.parents[:len(m.parents)-1]
		return v
	case kindObject:
		v := map[string]any{}
		m.parents = append(m.parents, v)
		for range m.count() {
			v[m.text()] = m.value(depth + 1)
		}
		m.parents = m.parents[:len(m.parents)-1]
		return v
	case kindCycle:
		if len(m.parents) == 0 {
			return nil
		}
		return m.parents[int(m.byte())%len(m.parents)]
	case 3:
		v := new(node)
		m.parents = append(m.parents, v)
		v.Next = m.value(depth + 1)
		m.parents = m.parents[:len(m.parents)-1]
		return v
	case 4:
		return node{m.value(depth + 1)}
	case 5:
		return []map[string]any{{m.text(): m.value(depth + 1)}, nil}
	case 6:
		return namedMap{m.text(): m.value(depth + 1)}
	case 7:
		return m.text()
	case 8:
		return errors.New(m.text())
	case 9:
		return int64(m.bits())
	case 10:
		return m.bits()
	case 11:
		return math.Float64frombits(m.bits())
	case 12:
		return m.byte()%2 == 0
	case 13:
		return m.time()
	case 14:
		return time.Duration(m.bits())
	case 15:
		return slog.Level(int8(m.byte()))
	case 16:
		return json.Number(m.text())
	case 17:
		return json.RawMessage(m.text())
	case 18:
		return marshals{m.text()}
	case 19:
		return marshalsNot{errors.New(m.text())}
	case 20:
		return marshalPanic{m.text()}
	case 21:
		return texts{m.text()}
	case 22:
		return textsNot{errors.New(m.text())}
	case 23:
		return textPanic{m.text()}
	case 24:
		return uuid{m.byte(), m.byte()}
	case 25:
		return m.addr()
	case 26:
		return netip.AddrPortFrom(m.addr(), 80)
	case 27:
		return net.IP(m.text())
	case 28:
		return []byte(m.text())
	case 29:
		return []string{m.text(), m.text()}
	case 30:
		return namedStrings{m.text()}
	case 31:
		return []float64{math.Float64frombits(m.bits()), 1}
	case 32:
		return []time.Time{m.time()}
	case 33:
		return map[string]string{m.text(): m.text(), m.text(): m.text()}
	case 34:
		return map[string]int{m.text(): 1, m.text(): 2, m.text(): 3}
	case 35:
		return http.Header{m.text(): {m.text(), m.text()}, m.text(): nil}
	case 36:
		return new(m.text())
	case 37:
		return new(m.time())
	case 38:
		return []any{
			nilOf[string](), nilOf[time.Time](), nilOf[node](), nilOf[byPointer](), nilOf[texts](),
			[]string(nil), map[string]any(nil),
		}[m.byte()%7]
	case 39:
		return []any{make(chan int), func() {}, 1i, float32(0.1), uint8(1), namedFloat32(1e30), struct{}{}}[m.byte()%7]
	case 40:
		return namedString(m.text())
	case 41:
		return base64.StdEncoding
	case 42:
		return []any{
			both{}, marshalMap{}, marshalStrings{}, textString("s"), textInt(1), &marshalError{"e"}, textError{"e"},
		}[m.byte()%7]
	default:
		return nil
	}
}
