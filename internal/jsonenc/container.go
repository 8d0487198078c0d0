package jsonenc

import (
	"slices"
	"sync"
)

// An element appends one element of a container.
type element[T any] = func(b []byte, v T, depth int) ([]byte, error)

func appendPointer[T any](b []byte, p *T, depth int, elem element[T]) ([]byte, error) {
	if p == nil {
		return append(b, "null"...), nil
	}
	return elem(b, *p, depth)
}

func appendSlice[T any](b []byte, s []T, depth int, elem element[T]) ([]byte, error) {
	if s == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	var err error
	for i, v := range s {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = elem(b, v, depth+1); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// keyLists hold the keys of maps while these are written in their order.
var keyLists = sync.Pool{New: func() any { //nolint:gochecknoglobals // a pool holds no state of the program
	return new([]string)
}}

// maxPooledKeys keeps a list of keys within about the memory of maxPooled.
const maxPooledKeys = maxPooled / 16

func appendMap[T any](b []byte, m map[string]T, depth int, elem element[T]) ([]byte, error) {
	if m == nil {
		return append(b, "null"...), nil
	}
	list, _ := keyLists.Get().(*[]string)
	keys := (*list)[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b = append(b, '{')
	var err error
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b, _ = appendString(b, key, depth)
		b = append(b, ':')
		if b, err = elem(b, m[key], depth+1); err != nil {
			return b, err
		}
	}
	if cap(keys) <= maxPooledKeys {
		clear(keys)
		*list = keys
		keyLists.Put(list)
	}
	return append(b, '}'), nil
}

func appendObject(b []byte, m map[string]any, depth int) ([]byte, error) {
	return appendMap(b, m, depth, appendJSON)
}
