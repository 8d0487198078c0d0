package snapshot_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"testing"

	"github.com/sluicelog/sluice/internal/panics"
	"github.com/sluicelog/sluice/internal/snapshot"
)

type selfValue struct{ V slog.Value }

func TestFinite(t *testing.T) {
	t.Parallel()
	cyclicMap := map[string]any{}
	cyclicMap["m"] = cyclicMap
	cyclicSlice := make([]any, 1)
	cyclicSlice[0] = cyclicSlice
	cyclicGroup := make([]slog.Attr, 1)
	cyclicGroup[0] = slog.Attr{Key: "g", Value: slog.GroupValue(cyclicGroup...)}
	bySlog := &selfValue{}
	bySlog.V = slog.AnyValue(bySlog)
	byAttr := &slog.Attr{}
	byAttr.Value = slog.AnyValue(byAttr)
	byPointer := &tree{}
	byPointer.Parent = byPointer
	hides := struct{ m map[string]any }{cyclicMap}
	tests := []struct {
		name string
		v    any
		want bool
	}{
		{"nothing", nil, true},
		{"a struct", plain{}, true},
		{"a long list of numbers", make([]int, 1<<20), true},
		{"a nil pointer", (*tree)(nil), true},
		{"a cycle of pointers, which print as addresses", byPointer, true},
		{"a nil reflect.Value", reflect.Value{}, true},
		{"a Stringer that hides a cycle", valuerString{cyclicMap}, true},
		{"slog values", attrHolder{V: slog.AnyValue(tags()), List: []slog.Attr{slog.Group("g", "a", 1)}}, true},
		{"nil slog values", []any{(*slog.Attr)(nil), (*slog.Value)(nil)}, true},
		{"a cyclic map", cyclicMap, false},
		{"a cyclic map in a field", hides, false},
		{"a cyclic slice", cyclicSlice, false},
		{"a cyclic map in a reflect.Value", reflect.ValueOf(cyclicMap), false},
		{"a cyclic map in a hidden reflect.Value", reflect.ValueOf(hides).Field(0), false},
		{"a cyclic group", cyclicGroup[0], false},
		{"a list with a cyclic group", []any{&cyclicGroup[0]}, false},
		{"a slog.Value that leads to itself", bySlog, false},
		{"a *slog.Attr that leads to itself", byAttr, false},
		{"a *slog.Value that leads to itself", &bySlog.V, false},
		{"a Stringer that panics with a cyclic map, which is not fmt's affair", panicString{cyclicMap}, true},
		{"a Stringer in a list that panics with a word", []any{panicString{"word"}}, true},
		{"a Stringer in a list that panics with a Stringer that panics", []any{panicString{panicString{cyclicMap}}}, true},
		{"a Stringer in a list that panics with a cyclic map", []any{panicString{cyclicMap}}, false},
		{"a Formatter in a struct that panics with a cyclic map", struct{ F any }{panicFormat{cyclicMap}}, false},
		{"an error in a slog.Attr that panics with a cyclic map", slog.Any("k", panicsError{cyclicMap}), false},
		{"too many values", make([]any, 1<<20), false},
	}
	for _, tt := range tests {
		if got := snapshot.Finite(tt.v); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if tt.want {
			func() {
				defer func() { _ = recover() }()
				_ = panics.Sprintf("%+v", tt.v) // which ends, if only with a panic
			}()
		}
	}
}

type (
	panicString struct{ with any }
	panicFormat struct{ with any }
	panicsError struct{ with any }
)

func (p panicString) String() string         { panic(p.with) }
func (p panicFormat) Format(fmt.State, rune) { panic(p.with) }
func (p panicsError) Error() string          { panic(p.with) }

type valuerString struct{ m map[string]any }

func (valuerString) String() string { return "s" }
