package page_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chrome is a browser.
type chrome struct{ ctx context.Context }

// start starts Chromium.
func start(t *testing.T) *chrome {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no chromium on the PATH")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // it does not run as root otherwise
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return &chrome{ctx}
}

// A tab is one of the browser's. Whatever its console says fails the test, unless
// the test expects it.
type tab struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	messages []string
}

type size struct{ width, height int64 }

// A look is how a tab is seen.
type look struct {
	size
	scheme string // light or dark
	still  bool   // with reduced motion
}

// open opens a page in a new tab and waits until it is live.
func open(t *testing.T, in *chrome, url string, as look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(in.ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx}
	if as.width == 0 {
		as.size = size{1440, 900}
	}
	b.do(chromedp.EmulateViewport(as.width, as.height))
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: as.scheme}}
	if as.still {
		features = append(features, &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"})
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		t.Fatal(err)
	}
	console := chromedp.Console(ctx)
	go func() {
		for message, err := range console {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.messages = append(b.messages, message.String())
			b.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		if got := b.console(); len(got) > 0 {
			t.Errorf("the console says %q", got)
		}
	})
	b.do(chromedp.Navigate(url))
	b.until(`document.body.dataset.connection === "live" && document.querySelectorAll("#rates tbody tr").length === 4`)
	return b
}

// console returns what the console has said since the last time.
func (b *tab) console() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages := b.messages
	b.messages = nil
	return messages
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// eval returns the value of an expression.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%v: %s", err, expression)
	}
	return value
}

// until waits until an expression is true.
func (b *tab) until(expression string) {
	b.Helper()
	deadline := time.Now().Add(time.Minute)
	for !eval[bool](b, "Boolean("+expression+")") {
		if time.Now().After(deadline) {
			b.Fatalf("this does not come true: %s\nThe end of the page: %s\nThe console: %q", expression,
				eval[string](b, `document.body.innerText.slice(-1000).replaceAll("\n", " ")`), b.console())
		}
		b.do(chromedp.Sleep(20 * time.Millisecond))
	}
}

// text returns the text of the element that a selector finds.
func (b *tab) text(selector string) string {
	b.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

func (b *tab) keys(keys ...string) {
	b.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
	}
}

// tabTo presses the tab key until the element that a selector finds has the focus,
// and returns which others had it before.
func (b *tab) tabTo(selector string) (before []string) {
	b.Helper()
	for range 40 {
		b.keys(kb.Tab)
		if eval[bool](b, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return before
		}
		before = append(before, eval[string](b, `((e = document.activeElement) => e.id || e.getAttribute("aria-label") || e.textContent)()`))
	}
	b.Fatalf("no tab leads to %s, only to %s", selector, strings.Join(before, ", "))
	return nil
}
