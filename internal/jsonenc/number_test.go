package jsonenc_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

func TestIntegersAreThoseOfStrconv(t *testing.T) {
	t.Parallel()
	check := func(n int64) {
		t.Helper()
		if got, want := string(jsonenc.AppendInt(nil, n)), strconv.FormatInt(n, 10); got != want {
			t.Errorf("AppendInt(%s) = %q", want, got)
		}
		u := uint64(n)
		if got, want := string(jsonenc.AppendUint(nil, u)), strconv.FormatUint(u, 10); got != want {
			t.Errorf("AppendUint(%s) = %q", want, got)
		}
	}
	for n := range int64(20_000) {
		check(n)
		check(-n)
		check(math.MaxInt64 - n)
		check(math.MinInt64 + n)
	}
	for power := int64(1); power < 1e18; power *= 10 {
		for near := power - 2; near < power+3; near++ {
			check(near)
			check(9 * near)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		check(int64(random.Uint64() >> random.UintN(64)))
	}
}
