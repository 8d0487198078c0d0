package handler

import "strings"

// renames are new keys by the paths of the old ones, one level of them. A nil
// *renames has none.
type renames struct {
	to      string
	renamed bool
	in      map[string]*renames
}

// newRenames returns the renames for keys by their dotted paths.
func newRenames(keys map[string]string) *renames {
	if len(keys) == 0 {
		return nil
	}
	root := &renames{}
	for path, to := range keys {
		at := root
		for name := range strings.SplitSeq(path, ".") {
			next := at.in[name]
			if next == nil {
				next = &renames{}
				if at.in == nil {
					at.in = make(map[string]*renames)
				}
				at.in[name] = next
			}
			at = next
		}
		at.to, at.renamed = to, true
	}
	return root
}

// find returns what there is for a key, which may have dots itself, and below it.
func (n *renames) find(key string) *renames {
	if n == nil || len(n.in) == 0 {
		return nil
	}
	if strings.IndexByte(key, '.') < 0 {
		return n.in[key]
	}
	for name := range strings.SplitSeq(key, ".") {
		if n == nil {
			return nil
		}
		n = n.in[name]
	}
	return n
}
