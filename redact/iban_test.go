package redact_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// Numbers of accounts that are made up are found, and are not with any other check
// digits.
func TestIBANs(t *testing.T) {
	t.Parallel()
	random := testlog.NewRandom(9)
	only := alone(t, "iban")
	for _, form := range []string{
		"AT{d16}", "BE{d12}", "CH{d17}", "DE{d18}", "ES{d20}", "FI{d14}", "FR{d10}{d10}{u1}{d2}", "GB{k4}{d14}", "IE{k4}{d14}", "IT{k1}{d10}{d12}", "LU{d3}{d13}",
		"MT{k4}{d5}{d15}{u3}", "NL{k4}{d10}", "NO{d11}", "PL{d24}", "SE{d20}", "TR{d22}",
	} {
		for range times(100) {
			number := strings.ToUpper(made(form, random.IntN))
			country, account := number[:2], number[2:]
			var digits strings.Builder
			for _, c := range account + country + "00" {
				if c >= 'A' {
					c -= 'A' - 10
					fmt.Fprint(&digits, int(c))
				} else {
					fmt.Fprint(&digits, int(c-'0'))
				}
			}
			value, _ := new(big.Int).SetString(digits.String(), 10)
			check := 98 - int(new(big.Int).Mod(value, big.NewInt(97)).Int64())
			iban := fmt.Sprintf("%s%02d%s", country, check, account)
			var groups []string
			for rest := iban; rest != ""; rest = rest[min(4, len(rest)):] {
				groups = append(groups, rest[:min(4, len(rest))])
			}
			for _, text := range []string{iban, strings.Join(groups, " ")} {
				if got := redact.String("to " + text + "."); got != "to "+m+"." {
					t.Errorf("%s has become %s", text, got)
				}
			}
			wrong := "to " + country + fmt.Sprintf("%02d", 2+(check-1)%97) + account
			if got := only.String(wrong); got != wrong && check > 1 && check < 98 {
				t.Errorf("%s, which has wrong check digits, has become %s", wrong, got)
			}
		}
	}
}
