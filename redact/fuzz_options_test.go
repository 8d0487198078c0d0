package redact_test

import (
	"bytes"
	"log/slog"
	"reflect"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// Values that only a rule of one's own knows for secrets.
type (
	plantedOwn string   // by its type
	plantedTag struct { // by a tag
		User string
		Nick string `log:"short,-" json:"nick"`
		Note any    `redact:"yes"`
	}
)

// options returns nil, or options with a random action for each default rule and
// with rules of all kinds: then own is true. What the hooks are told is written to told.
func options(seed uint64, told *bytes.Buffer) (opts *redact.Options, own bool) {
	r := testlog.NewRandom(seed ^ 0x5eed)
	if r.IntN(2) == 0 {
		return nil, false
	}
	action := func() redact.Action {
		return []redact.Action{
			{}, redact.Mask("[HIDDEN]"), redact.Remove(), redact.KeepLast(4), redact.Truncate(4), redact.Hash([]byte("0123456789abcdef")),
		}[r.IntN(6)]
	}
	rules := redact.DefaultRules()
	for i := range rules {
		rules[i].Action = action()
	}
	return &redact.Options{
		NoDefaults: true,
		Rules: append([]redact.Rule{
			{Name: "own_path", Keys: []string{"owner.email", "own*pin", "**.own.*"}, Action: action()},
			{Name: "own_type", Types: []reflect.Type{reflect.TypeFor[plantedOwn]()}, Action: action()},
			{Name: "own_tag", Tags: []string{`log:"-"`}, Action: action()},
			{Name: "own_form", Pattern: `\bZQ-([A-Za-z0-9]+)`, Action: action()},
			{Name: "own_match", Match: func(path []string, _ slog.Value) bool {
				return path[len(path)-1] == "matched"
			}, Action: action()},
		}, rules...),
		OnRedact: func(rule, path string) {
			told.WriteString(rule + " " + path + "\n")
		},
		OnError: func(err error) { told.WriteString(err.Error() + "\n") },
	}, true
}

// ownText returns a text with a secret that only a rule of one's own knows.
func (p *planter) ownText() string {
	if p.clean {
		return "ZQ none"
	}
	return "ZQ-" + p.core()
}

// ownValue returns a value with a secret that only a rule of one's own knows.
func (p *planter) ownValue(v func() any) any {
	if p.clean {
		return map[string]any{"owner": map[string]any{"name": v()}, "email": "visible"}
	}
	switch p.IntN(6) {
	case 0:
		return plantedOwn(p.anything())
	case 1:
		if pending("F9") {
			return []any{plantedOwn(p.core()), v()}
		}
		return []any{plantedOwn(p.anything()), v()}
	case 2:
		return &plantedTag{User: p.ownText(), Nick: p.anything(), Note: p.anything()}
	case 3:
		return map[string]any{"owner": map[string]any{"email": p.anything(), "n": v()}}
	case 4:
		return map[string]any{"matched": p.anything(), "a": struct{ OwnCardPIN any }{p.under(v)}}
	default:
		return `{"owner":{"email":"` + p.core() + `"},"own":{"x":"` + p.core() + `"},"z":[{"matched":"` + p.core() + `"}]}`
	}
}
