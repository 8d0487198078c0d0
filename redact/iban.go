package redact

import "strings"

// minIBANDigits is how many digits in a row every number of an account has, with
// single spaces between at most: as in NL91 ABNA 0417 1643 00.
const minIBANDigits = 10

// The length of an International Bank Account Number.
const (
	minIBAN = 15
	maxIBAN = 33
)

// ibanLengths has, for each country of the IBAN registry, its code and how long
// its numbers are.
const ibanLengths = `
	AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29
	ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20
	LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29
	PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30`

// ibanAt returns where the number of a bank account that begins at s[i] ends, or 0
// if there is none: in one piece, as machines write them, or in groups of four with
// a space between, as people do.
func ibanAt[T string | []byte](s T, i int) int {
	if i+minIBAN > len(s) || !isUpper(s[i]) || !isUpper(s[i+1]) || !isDigit(s[i+2]) || !isDigit(s[i+3]) || !borderBefore(s, i) {
		return 0
	}
	at := strings.Index(ibanLengths, string(s[i:i+2]))
	if at < 0 {
		return 0
	}
	want := int(ibanLengths[at+2]-'0')*10 + int(ibanLengths[at+3]-'0')
	var number [maxIBAN]byte
	n, end := 0, i
	grouped := i+4 < len(s) && s[i+4] == ' '
	for ; n < want; n++ {
		if grouped && n > 0 && n%4 == 0 {
			if end == len(s) || s[end] != ' ' {
				return 0
			}
			end++
		}
		if end == len(s) || !isUpper(s[end]) && !isDigit(s[end]) {
			return 0
		}
		number[n] = s[end]
		end++
	}
	if end < len(s) && isWordByte(s[end]) || !isIBAN(number[:n]) {
		return 0
	}
	return end
}

// isIBAN reports whether the check digits are right: the number with its first
// four characters at the end, and letters as 10 to 35, is 1 modulo 97.
func isIBAN(number []byte) bool {
	rest := 0
	for i := range number {
		switch c := number[(i+4)%len(number)]; {
		case isDigit(c):
			rest = (rest*10 + int(c-'0')) % 97
		default:
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}
