package handler

import "strings"

// renames are new keys by the paths of the old ones, one level of them. A nil
// *renames has none.
type renames struct {
	to      string
	renamed bool
	in      map[string]*renames

	// The lengths and the first bytes of the keys that lead on, modulo 64, since
	// most keys do not.
	lengths, first uint64
}

// newRenames returns the renames for keys by their dotted paths.
func newRenames(keys map[string]string) *renames {
	if len(keys) == 0 {
		return nil
	}
	root := &renames{}
	for path, to := range keys {
		root.add(path).rename(to)
	}
	return root
}

func (n *renames) rename(to string) { n.to, n.renamed = to, true }

// add returns what is at path below n.
func (n *renames) add(path string) *renames {
	for i := range len(path) + 1 {
		if i == len(path) || path[i] == '.' { // a key may be the path up to here
			n.lengths |= 1 << (i % 64)
		}
	}
	if path != "" {
		n.first |= 1 << (path[0] % 64)
	}
	name, rest, more := strings.Cut(path, ".")
	next := n.in[name]
	if next == nil {
		next = &renames{}
		if n.in == nil {
			n.in = make(map[string]*renames)
		}
		n.in[name] = next
	}
	if more {
		return next.add(rest)
	}
	return next
}

// find returns what there is for a key, which may have dots itself, and below it.
func (n *renames) find(key string) *renames {
	if !n.may(key) {
		return nil
	}
	for {
		if next := n.in[key]; next != nil {
			return next
		}
		name, rest, more := strings.Cut(key, ".")
		if n = n.in[name]; n == nil || !more {
			return nil
		}
		key = rest
	}
}

// may reports whether there may be something for a key.
func (n *renames) may(key string) bool {
	if n == nil || n.lengths>>(len(key)%64)&1 == 0 {
		return false
	}
	return key == "" || n.first>>(key[0]%64)&1 != 0
}
