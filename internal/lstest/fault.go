package lstest

import (
	"math/rand/v2"
	"time"
)

// Fault is what a [Proxy] does to one connection. The zero Fault passes
// everything on until one side ends the connection.
type Fault struct {
	// Refuse ends the connection at once, before the backend has heard of it.
	Refuse bool
	// Up is what happens to the bytes on their way to the backend.
	Up Way
	// Down is what happens to the bytes on their way back.
	Down Way
	// End is how the proxy ends the connection to the client when it is the
	// one who does.
	End End
}

// Way is what a [Proxy] does to the bytes of one direction.
type Way struct {
	// Cut ends the connection after so many bytes have been passed on.
	// 0 does not.
	Cut int64
	// Stall is how many bytes are passed on before nothing more is for the
	// time of For, while the other direction goes on.
	Stall int64
	// For is how long the stall lasts. 0 is no stall; with a negative one it
	// lasts until the connection ends.
	For time.Duration
	// Delay holds back each piece of at most 32 KiB, one after the other.
	Delay time.Duration
}

// Chaos returns a script for a [Proxy] in which no connection is whole: each is
// refused, or cut after some bytes of one direction, and some are stalled before
// that, or slow, by times of up to pause. On the way to the backend it is cut
// after that many bytes on average, on the way back, where only acks are, after
// a four-thousandth of them. The same seed gives the same script.
func Chaos(seed uint64, bytes int64, pause time.Duration) func(conn int) Fault {
	return func(conn int) Fault {
		rnd := rand.New(rand.NewPCG(seed, uint64(conn))) //nolint:gosec // a script, no secret
		back, mean := rnd.IntN(4) == 0, float64(bytes)
		if back {
			mean /= 4000
		}
		cut := 1 + int64(rnd.ExpFloat64()*mean)
		way := Way{Cut: cut}
		switch rnd.IntN(8) {
		case 0:
			return Fault{Refuse: true, End: End(rnd.IntN(2))}
		case 1:
			way.Stall, way.For = rnd.Int64N(cut), 1+time.Duration(rnd.Int64N(int64(pause)+1))
		case 2:
			way.Delay = time.Duration(rnd.Int64N(int64(pause)+1)) / 16
		}
		f := Fault{Up: way, End: End(rnd.IntN(2))}
		if back {
			f.Up, f.Down = f.Down, f.Up
		}
		return f
	}
}
