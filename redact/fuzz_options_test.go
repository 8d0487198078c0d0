package redact_test

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"

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

// A setup is a set of options, with what works by it. It is used again and again:
// to compile all rules takes longer than to log a record.
type setup struct {
	own      bool // there are rules for plantedOwn and the like
	told     output
	redactor *redact.Redactor
	opts     *redact.Options
	handlers []*redact.Handler
	relays   []*relay
	used     int
}

// setups are some with default options, and some with a random action for each
// default rule and rules of all other kinds.
var setups = sync.OnceValue(func() []*setup {
	list := make([]*setup, 24)
	for i := range list {
		s := &setup{own: i%2 == 1, told: output{name: "hooks"}}
		if s.own {
			s.opts = s.options(testlog.NewRandom(uint64(i)))
		}
		var err error
		if s.redactor, err = redact.New(s.opts); err != nil {
			panic(err)
		}
		list[i] = s
	}
	return list
})

// setupFor returns the setup for a seed, with nothing told to its hooks.
func setupFor(seed uint64) *setup {
	s := setups()[seed%uint64(len(setups()))]
	s.used = 0
	s.told.buf.Reset()
	return s
}

func (s *setup) options(r *testlog.Random) *redact.Options {
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
		OnRedact: func(rule, path string) { s.told.buf.WriteString(rule + " " + path + "\n") },
		OnError:  func(err error) { s.told.buf.WriteString(err.Error() + "\n") },
	}
}

// handler returns a redact.Handler before h, which is used until the next call of setupFor.
func (s *setup) handler(h slog.Handler) slog.Handler {
	if s.used == len(s.handlers) {
		r := &relay{to: new(slog.Handler)}
		s.relays, s.handlers = append(s.relays, r), append(s.handlers, redact.NewHandler(r, s.opts))
	}
	s.used++
	*s.relays[s.used-1].to = h
	return s.handlers[s.used-1]
}

// A relay is a handler before one that can be changed.
type relay struct {
	to    *slog.Handler
	steps []step
}

func (r *relay) Enabled(ctx context.Context, level slog.Level) bool {
	return (*r.to).Enabled(ctx, level)
}

func (r *relay) Handle(ctx context.Context, rec slog.Record) error {
	return derived(*r.to, r.steps).Handle(ctx, rec)
}

func (r *relay) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &relay{r.to, append(slices.Clip(r.steps), step{attrs: attrs})}
}

func (r *relay) WithGroup(name string) slog.Handler {
	return &relay{r.to, append(slices.Clip(r.steps), step{group: name})}
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
