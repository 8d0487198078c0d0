package jsonlog

import "reflect"

// Kept returns how many bytes a Parser keeps from one line for the next.
func Kept(p *Parser) uintptr {
	return uintptr(cap(p.members))*reflect.TypeFor[Member]().Size() + uintptr(cap(p.text))
}
