package monitor

import (
	"context"
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// PageOptions are options for a [Page]. A zero PageOptions consists entirely of
// default values.
type PageOptions struct {
	// Title is the heading of the page. Empty means the name of the program.
	Title string

	// Allow says who may see the page, and with ChangeLevels change levels. It is
	// asked for every request, by several goroutines at once; if it panics, the
	// request is refused. Nil means only requests from this machine: from a loopback
	// address, for localhost or a loopback address as the host, so that no web site
	// can reach the page through a name of its own, and without the header of a
	// proxy. A proxy on this machine that adds no such header is this machine:
	// behind one, set Allow.
	Allow func(*http.Request) bool

	// Levels returns what is shown of levels, in this order, with names that are
	// unique. It is asked each time, by several goroutines at once, as the levels of a
	// pipeline come and go with its sinks. One that panics shows none. Nil means none.
	Levels func() []Level

	// ChangeLevels lets those whom Allow lets in set the Levels that can be set.
	ChangeLevels bool

	// Interval is how often an open page is brought up to date, between 100
	// milliseconds and a minute. Zero or less means each second.
	Interval time.Duration

	// MaxWatchers is how many open pages there may be at once. Zero or less means 8.
	MaxWatchers int
}

// A Level is a minimum level with a name. It can be set if its Leveler also has a
// method Set(slog.Level), as [slog.LevelVar] has.
type Level struct {
	Name string
	slog.Leveler
}

// Page is an [http.Handler] that serves one page about a [Handler]: how much is
// logged at which level, how the sinks are doing, the last errors, the levels and
// a tail. The page holds all it needs, and is kept up to date by server-sent
// events. It looks at no path and can be mounted anywhere:
//
//	mux.Handle("/debug/log", page)
//
// GET returns the page; with the query "state", what it shows as JSON; with the
// query "events", the stream, whose lines begin at the level that "level" names.
// POST sets a level, if PageOptions.ChangeLevels allows that:
//
//	{"name":"app","level":"DEBUG"}
//
// Whoever sees the page sees what is logged. By default that is this machine; see
// PageOptions.Allow. Requests that other web sites make their visitors send get
// neither the stream nor a level changed.
//
// Nothing is done while nobody watches: the page has no goroutine, and a record
// costs the Handler one atomic load to know that. A watcher who is slow loses
// lines, which are counted, and one who takes nothing for ten seconds is cut off;
// the program waits for neither.
//
// A Page is safe for concurrent use. It ends its streams when it is closed, or when
// the [http.Server] that serves them is shut down. A stream that a server had not
// brought here when it was shut down, because of a middleware that takes its time, is
// ended by Close alone: srv.RegisterOnShutdown(page.Close) makes sure of that.
type Page struct {
	handler  *Handler
	opts     PageOptions
	document string
	policy   string // Content-Security-Policy

	closed context.Context // done when the page is closed
	close  context.CancelFunc

	mu       sync.Mutex
	watchers int
	servers  map[*http.Server]context.Context // done when the server shuts down
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// NewPage returns a page about what h sees. It panics if h is nil.
func NewPage(h *Handler, opts *PageOptions) *Page {
	if h == nil {
		panic("monitor: NewPage: nil handler")
	}
	p := &Page{handler: h, servers: make(map[*http.Server]context.Context)}
	if opts != nil {
		p.opts = *opts
	}
	if p.opts.Title == "" {
		p.opts.Title = filepath.Base(os.Args[0])
	}
	if p.opts.Interval <= 0 {
		p.opts.Interval = time.Second
	}
	p.opts.Interval = min(max(p.opts.Interval, 100*time.Millisecond), time.Minute)
	if p.opts.MaxWatchers <= 0 {
		p.opts.MaxWatchers = 8
	}
	if p.opts.Allow == nil {
		p.opts.Allow = fromThisMachine
	}
	p.closed, p.close = context.WithCancel(context.Background())
	p.document = strings.NewReplacer(
		"{{title}}", html.EscapeString(p.opts.Title), "{{style}}", pageCSS, "{{script}}", pageJS,
	).Replace(pageHTML)
	// Only the style and the script that stand in the page are taken by the browser,
	// and the script cannot make markup out of text.
	p.policy = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; connect-src 'self'; img-src data:; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		sourceHash(pageCSS), sourceHash(pageJS))
	return p
}

// sourceHash returns the hash by which a policy names an element with that text.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Close ends all streams and refuses new ones. It can be called more than once, and
// given to RegisterOnShutdown of an [http.Server].
func (p *Page) Close() { p.close() }

// ServeHTTP serves the page, its stream and the requests to change a level; see
// [Page].
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", p.policy)
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")

	if refusal := p.refusal(r); refusal != nil {
		refusal.send(w)
		return
	}
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodPost:
		p.setLevel(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD, POST")
		refuse(http.StatusMethodNotAllowed, "method %s: want GET, HEAD or POST", r.Method).send(w)
	case query.Has("events"):
		p.serveEvents(w, r, query.Get("level"))
	case query.Has("state"):
		p.serveState(w)
	default:
		header.Set("Content-Type", "text/html; charset=utf-8")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(p.document))
	}
}
