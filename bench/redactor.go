package bench

import (
	"io"
	"log/slog"
	"regexp"
	"runtime"

	"github.com/m-mizutani/masq"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/redact"
)

// Redactors returns the ways to keep secrets out of the lines of a handler, and
// before them the handlers themselves, which print all that they are given. What
// is before → comes before the handler. package redact has its default rules.
func Redactors() []Peer {
	module := version("github.com/sluicelog/sluice")
	plain := func(name, version string, encoder func(io.Writer) slog.Handler) Peer {
		return Peer{
			Name: name, Version: version,
			new:  func(w io.Writer, _ *slog.HandlerOptions) slog.Handler { return encoder(w) },
			time: "time", layout: standardLayout,
		}
	}
	peer := func(name, version string, encoder func(io.Writer) slog.Handler) Peer {
		p := plain(name, version, encoder)
		p.redacts = true
		return p
	}
	standard := func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }
	ours := func(w io.Writer) slog.Handler { return handler.NewJSONHandler(w, nil) }
	masked := func(names []string) func(io.Writer) slog.Handler {
		return func(w io.Writer) slog.Handler {
			return slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: masq.New(fieldNames(names)...)})
		}
	}
	names, masqVersion := maskedNames(), version("github.com/m-mizutani/masq")
	return []Peer{
		plain("slog.JSONHandler", runtime.Version(), standard),
		peer("redact → slog.JSONHandler", module, func(w io.Writer) slog.Handler {
			return redact.NewHandler(standard(w), nil)
		}),
		peer("slog.JSONHandler → 4 regexps", runtime.Version(), func(w io.Writer) slog.Handler {
			return standard(&scrubber{w: w, replacements: commonReplacements()})
		}),
		peer("masq, 2 names → slog.JSONHandler", masqVersion, masked(names[:2])),
		peer("masq, 10 names → slog.JSONHandler", masqVersion, masked(names)),
		plain("handler.JSONHandler", module, ours),
		peer("redact → handler.JSONHandler", module, func(w io.Writer) slog.Handler {
			return redact.NewHandler(ours(w), nil)
		}),
	}
}

// maskedNames returns names for masq, which takes each exactly as it is written.
func maskedNames() []string {
	return []string{
		"password", "Password", "token", "Token", "secret", "Secret", "api_key", "APIKey", "Authorization", "Cookie",
	}
}

func fieldNames(names []string) []masq.Option {
	options := make([]masq.Option, len(names))
	for i, name := range names {
		options[i] = masq.WithFieldName(name)
	}
	return options
}

// A scrubber is a writer that replaces in each line what patterns match.
type scrubber struct {
	w            io.Writer
	replacements []replacement
}

type replacement struct {
	pattern *regexp.Regexp
	with    []byte
}

// Write writes the line with the replacements made.
func (s *scrubber) Write(line []byte) (int, error) {
	n := len(line)
	for _, r := range s.replacements {
		line = r.pattern.ReplaceAll(line, r.with)
	}
	if _, err := s.w.Write(line); err != nil {
		return 0, err
	}
	return n, nil
}

// commonReplacements returns what guides to logging in production have for their
// readers to copy: a word, what may stand between it and a value, and the value.
func commonReplacements() []replacement {
	words := []string{"password", "secret", "token", "api_key"}
	all := make([]replacement, len(words))
	for i, word := range words {
		all[i] = replacement{regexp.MustCompile(word + `["\s:=]+([^"\s&]+)`), []byte(word + "=***")}
	}
	return all
}
