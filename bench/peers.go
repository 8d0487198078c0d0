package bench

import (
	"io"
	"log/slog"
	"math"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	phuslu "github.com/phuslu/log"
	"github.com/rs/zerolog"
	sloglogstash "github.com/samber/slog-logstash/v2"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
)

// Peer is a handler to be timed.
type Peer struct {
	// Name is the package and the handler, as in "slog.JSONHandler".
	Name string
	// Version is that of the module, as the build knows it: go test leaves it
	// out of some builds, and it is "unknown" then.
	Version string

	new       func(io.Writer, *slog.HandlerOptions) slog.Handler
	addSource bool // it has that option
	replace   bool // it has ReplaceAttr
	redacts   bool // it is to keep secrets to itself

	time   string // the key of the time
	layout func(event) map[string]any
}

// Peers returns all peers: that of the standard library first, then those of
// sluice. It sets variables of package zerolog, which has no other way to say
// how a time and a duration are written: nothing may log through zerolog
// meanwhile.
func Peers() []Peer {
	zerologTimes()
	return []Peer{
		{
			Name: "slog.JSONHandler", Version: runtime.Version(),
			new: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
				return slog.NewJSONHandler(w, o)
			},
			addSource: true, replace: true,
			time: "time", layout: standardLayout,
		},
		{
			Name: "handler.JSONHandler", Version: version("github.com/sluicelog/sluice"),
			new: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
				return handler.NewJSONHandler(w, o)
			},
			addSource: true, replace: true,
			time: "time", layout: standardLayout,
		},
		{
			Name: "logstash.Handler", Version: version("github.com/sluicelog/sluice"),
			new: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
				return logstash.NewHandler(w, &logstash.Options{AddSource: o != nil && o.AddSource})
			},
			addSource: true,
			time:      "@timestamp", layout: logstashLayout,
		},
		{
			Name: "phuslu/log", Version: version("github.com/phuslu/log"),
			new: phuslu.SlogNewJSONHandler,
			// With ReplaceAttr it returns a slog.JSONHandler, which is timed already.
			addSource: true,
			time:      "time", layout: standardLayout,
		},
		{
			Name: "zerolog", Version: version("github.com/rs/zerolog"),
			new: func(w io.Writer, _ *slog.HandlerOptions) slog.Handler {
				return zerolog.NewSlogHandler(zerolog.New(w))
			},
			time: "time", layout: zerologLayout,
		},
		{
			Name: "zapslog", Version: version("go.uber.org/zap/exp") + " on zap " + version("go.uber.org/zap"),
			new: newZap, addSource: true,
			time: "time", layout: zapLayout,
		},
		{
			Name: "samber/slog-logstash", Version: version("github.com/samber/slog-logstash/v2"),
			new: newSamber, addSource: true, replace: true,
			time: "@timestamp", layout: samberLayout,
		},
	}
}

// zerologTimes has zerolog write times and durations as the others do.
func zerologTimes() {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	zerolog.DurationFieldUnit = time.Nanosecond
	zerolog.DurationFieldFormat = zerolog.DurationFormatInt
}

// Can reports whether the handler has the options that the case needs.
func (p Peer) Can(c *Case) bool {
	return c.opts == nil || (p.addSource || !c.opts.AddSource) && (p.replace || c.opts.ReplaceAttr == nil)
}

func newZap(w io.Writer, o *slog.HandlerOptions) slog.Handler {
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg", CallerKey: "source",
		EncodeTime: zapcore.RFC3339NanoTimeEncoder, EncodeLevel: zapcore.CapitalLevelEncoder,
		EncodeDuration: zapcore.NanosDurationEncoder, EncodeCaller: zapcore.FullCallerEncoder,
	})
	return zapslog.NewHandler(zapcore.NewCore(encoder, zapcore.AddSync(w), zapcore.InfoLevel),
		zapslog.WithCaller(o != nil && o.AddSource), zapslog.AddStacktraceAt(math.MaxInt))
}

func newSamber(w io.Writer, o *slog.HandlerOptions) slog.Handler {
	option := sloglogstash.Option{Level: slog.LevelInfo, Conn: conn{w: w}}
	if o != nil {
		option.AddSource, option.ReplaceAttr = o.AddSource, o.ReplaceAttr
	}
	return option.NewLogstashHandler()
}

// conn is a writer where a connection is asked for. Nothing but Write is called.
type conn struct {
	net.Conn
	w io.Writer
}

func (c conn) Write(p []byte) (int, error) { return c.w.Write(p) }

// version returns the version of a module of this build.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path != module {
			continue
		}
		if m.Replace != nil || m.Version == "" || m.Version == "(devel)" || strings.HasPrefix(m.Version, "v0.0.0-0001") {
			return "of this tree"
		}
		return m.Version
	}
	return "unknown"
}
