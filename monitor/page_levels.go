package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/panics"
)

// The levels that, as a minimum, let all pass and nothing.
const (
	allLevels slog.Level = math.MinInt32
	noLevel   slog.Level = math.MaxInt
)

// namedLevels returns the levels that the page offers.
func namedLevels() []slog.Level {
	return []slog.Level{-8, slog.LevelDebug, slog.LevelInfo, 2, 3, slog.LevelWarn, slog.LevelError, 10, 12, 16}
}

func levelNames() []string {
	levels := namedLevels()
	names := make([]string, len(levels))
	for i, level := range levels {
		names[i] = levelName(level)
	}
	return names
}

func levelName(level slog.Level) string {
	if level <= allLevels {
		return "ALL"
	}
	name, offset := jsonenc.NameLevel(level)
	if offset != 0 {
		return fmt.Sprintf("%s%+d", name, offset)
	}
	return name
}

// parseLevel reads what levelName and slog.Level.String print, in upper or lower case.
func parseLevel(text string) (slog.Level, error) {
	name, offset := strings.ToUpper(text), int64(0)
	switch name {
	case "ALL":
		return allLevels, nil
	case "OFF":
		return noLevel, nil
	}
	if i := strings.IndexAny(name, "+-"); i > 0 {
		var err error
		if offset, err = strconv.ParseInt(name[i:], 10, 32); err != nil {
			name = ""
		} else {
			name = name[:i]
		}
	}
	for _, level := range namedLevels() {
		if sum := int64(level) + offset; levelName(level) == name && sum >= math.MinInt32 && sum <= math.MaxInt32 {
			return slog.Level(sum), nil
		}
	}
	return 0, fmt.Errorf("unknown level %.40q: want %s, or one of these and an offset such as INFO+1, or ALL or OFF",
		text, strings.Join(levelNames(), ", "))
}

// setter is what a Leveler has that can be set.
type setter interface{ Set(level slog.Level) }

// A levelState is what the page shows of a Level.
type levelState struct {
	Name     string `json:"name"`
	Level    string `json:"level"`
	Settable bool   `json:"settable"`
}

// levels asks PageOptions.Levels.
func (p *Page) levels() (levels []Level) {
	if p.opts.Levels == nil {
		return nil
	}
	defer p.handler.shared.recover("PageOptions.Levels") // which leaves none
	return p.opts.Levels()
}

func (p *Page) levelStates() []levelState {
	levels := p.levels()
	states := make([]levelState, len(levels))
	for i, l := range levels {
		_, settable := l.Leveler.(setter)
		states[i] = levelState{Name: l.Name, Level: l.name(), Settable: settable && p.opts.ChangeLevels}
	}
	return states
}

// name returns the name of the level that l has now, or why there is none.
func (l Level) name() string {
	level, err := levelOf(l.Leveler)
	if err != nil {
		return err.Error()
	}
	return levelName(level)
}

// setLevel does what a POST asks for, and logs who asked.
func (p *Page) setLevel(w http.ResponseWriter, r *http.Request) {
	if !p.opts.ChangeLevels {
		refuse(http.StatusForbidden, "levels cannot be changed here: set PageOptions.ChangeLevels to allow it").send(w)
		return
	}
	level, to, refusal := p.levelAsked(w, r)
	if refusal != nil {
		refusal.send(w)
		return
	}
	text, err := p.set(r.Context(), level, to, r.RemoteAddr)
	if err != nil {
		refuse(http.StatusInternalServerError, "%v", err).send(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) // to a client that may have left
}

// levelAsked returns the level that a request wants to be set, and to what.
func (p *Page) levelAsked(w http.ResponseWriter, r *http.Request) (level Level, to slog.Level, _ *refusal) {
	// A form of another site cannot send this type, whatever the browser.
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return level, 0, refuse(http.StatusUnsupportedMediaType, "Content-Type %.80q: want application/json", r.Header.Get("Content-Type"))
	}
	var asked struct{ Name, Level *string }
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&asked)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	switch tooLarge := new(http.MaxBytesError); {
	case errors.As(err, &tooLarge):
		return level, 0, refuse(http.StatusRequestEntityTooLarge, "body: more than %d bytes", tooLarge.Limit)
	case err != nil || asked.Name == nil || asked.Level == nil:
		if err == nil {
			err = errors.New("a field is missing")
		}
		return level, 0, refuse(http.StatusBadRequest, `body: want {"name":…,"level":…}: %v`, err)
	}
	levels := p.levels()
	names := make([]string, 0, len(levels))
	for _, l := range levels {
		if _, settable := l.Leveler.(setter); !settable {
			continue
		}
		if names = append(names, l.Name); l.Name == *asked.Name {
			if to, err = parseLevel(*asked.Level); err != nil {
				return l, 0, refuse(http.StatusBadRequest, "level: %v", err)
			}
			return l, to, nil
		}
	}
	return level, 0, refuse(http.StatusBadRequest, "name: %.80q is no level that can be set: want one of %q", *asked.Name, names)
}

// set sets a level and logs that at WARN, while the lower of both levels holds.
func (p *Page) set(ctx context.Context, l Level, to slog.Level, remote string) (text string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("setting the level of %s panics: %s", l.Name, panics.Text(v))
		}
	}()
	from := l.Level()
	tell := func() {
		if !p.handler.Enabled(ctx, slog.LevelWarn) {
			return
		}
		record := slog.NewRecord(time.Now(), slog.LevelWarn, "log level changed", 0)
		record.AddAttrs(slog.String("name", l.Name), slog.String("from", levelName(from)), slog.String("to", levelName(to)),
			slog.String("remote_addr", remote))
		_ = p.handler.Handle(ctx, record) // counted by the handler
	}
	set, _ := l.Leveler.(setter)
	if to > from {
		tell()
		set.Set(to)
	} else {
		set.Set(to)
		tell()
	}
	return fmt.Sprintf("The level of %s is %s now. It was %s.", l.Name, l.name(), levelName(from)), nil
}
