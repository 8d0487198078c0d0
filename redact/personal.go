package redact

import (
	"net/netip"
	"strings"
)

// isEmail tells an address from the user of a git remote, git@github.com:a/b.
func isEmail(s string) bool { return !strings.HasPrefix(s, "git@") }

// findIPs finds addresses of hosts: dotted ones, other than versions with four
// parts that are said to be one, and those with colons. The loopback and the
// unspecified address are nobody's.
func findIPs(s string) []span {
	var found []span
	for i := 0; i < len(s); {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1:i+3]) {
			i += 3 // %3D, no digits
			continue
		}
		if !isIPByte(s[i]) || i > 0 && (isWordByte(s[i-1]) && !isEscaped(s, i) || s[i-1] == '.' && i > 1 && isWordByte(s[i-2])) {
			i++
			continue
		}
		end := i
		for end < len(s) && isIPByte(s[end]) {
			end++
		}
		if size := ipAt(s, i, end); size > 0 {
			found = append(found, span{i, i + size})
		}
		i = end
	}
	return found
}

// ipAt returns the length of the address that the run s[start:end] of its bytes
// begins with, or 0 if there is none.
func ipAt(s string, start, end int) int {
	if end < len(s) && isWordByte(s[end]) {
		return 0
	}
	run := strings.TrimRight(s[start:end], ".")
	if !strings.HasSuffix(run, "::") {
		run = strings.TrimRight(run, ":")
	}
	if port := strings.IndexByte(run, ':'); port > 0 && strings.IndexByte(run[:port], '.') > 0 {
		run = run[:port] // 192.0.2.1:80
	}
	ip, err := netip.ParseAddr(run)
	switch {
	case err != nil || ip.IsLoopback() || ip.IsUnspecified():
		return 0
	case ip.Is4() && isVersion(s[:start]):
		return 0
	case ip.Is6() && !strings.ContainsAny(run, "0123456789"):
		return 0 // cafe::add
	}
	return len(run)
}

// isVersion reports whether what follows text is a version: text ends in "v" or
// "version", with a separator or without.
func isVersion(before string) bool {
	word := strings.TrimRight(before[max(0, len(before)-16):], " =:\"'")
	word = asciiLower(word)
	for _, name := range []string{"version", "ver", "release", "v"} {
		if rest, ok := strings.CutSuffix(word, name); ok && (rest == "" || !isAlnum(rest[len(rest)-1])) {
			return true
		}
	}
	return false
}

func isIPByte(c byte) bool {
	return isHexByte(c) || c == ':' || c == '.'
}
