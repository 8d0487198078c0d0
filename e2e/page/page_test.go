package page_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/monitor"
)

func TestPage(t *testing.T) {
	b := start(t)
	for name, test := range map[string]func(*testing.T, *chrome){
		"fits every width":              testFits,
		"rates move":                    testRates,
		"nothing moves that should not": testStill,
		"sinks":                         testSinks,
		"tail":                          testTail,
		"a storm":                       testStorm,
		"a busy log":                    testBusy,
		"keyboard":                      testKeyboard,
		"levels are set":                testLevels,
		"levels are not set":            testFixedLevels,
		"hostile text":                  testHostile,
		"reconnects":                    testReconnects,
		"too many pages":                testTooMany,
		"under a path of its own":       testMounted,
		"nothing to show":               testEmpty,
		"screenshots":                   testScreenshots,
	} {
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
}

// fill logs what a page is seen with.
func fill(s *service) {
	s.log(slog.LevelDebug, "cache miss", "key", "session:7f3a")
	s.log(slog.LevelInfo, "request served", slog.Group("http", "method", "GET", "path", "/orders/4711", "status", 200), "duration", "3.2ms")
	s.log(slog.LevelWarn, "slow query", "duration", "1.8s", "table", "orders")
	s.log(slog.LevelError, "payment refused", "order", 4711, "err", "card expired", "stack", "pay.go:12\n\tcharge()\nmain.go:40")
}

func testFits(t *testing.T, b *chrome) {
	for _, scheme := range []string{"light", "dark"} {
		for _, size := range []size{{320, 700}, {390, 844}, {820, 1180}, {1440, 900}} {
			t.Run(fmt.Sprintf("%d %s", size.width, scheme), func(t *testing.T) {
				s := serve(t, monitor.PageOptions{ChangeLevels: true})
				fill(s)
				s.log(slog.LevelInfo, strings.Repeat("m", 300), strings.Repeat("key", 100), strings.Repeat("value", 200))
				p := open(t, b, s.url, look{size: size, scheme: scheme})
				s.log(slog.LevelWarn, "a line "+strings.Repeat("m", 300), strings.Repeat("key", 100), strings.Repeat("value", 200))
				p.until(`document.querySelectorAll("#tail details").length === 1 && document.querySelectorAll("#errors details").length === 1`)
				eval[any](p, `document.querySelectorAll("details").forEach(d => d.open = true)`)
				p.until(`document.querySelector("#tail .more")`)
				if width := eval[int64](p, "document.documentElement.scrollWidth"); width > size.width {
					t.Errorf("the page is %d wide: %s", width, eval[string](p, `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 80)).join("\n")`))
				}
				if low := eval[[]string](p, lowContrast); len(low) > 0 {
					t.Errorf("too little contrast:\n%s", strings.Join(low, "\n"))
				}
			})
		}
	}
}

// lowContrast finds text whose contrast is less than WCAG 2 asks for.
const lowContrast = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgb = color => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = color;
		canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	};
	const luminance = color => rgb(color).slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const ground = e => {
		for (; e; e = e.parentElement) {
			const color = getComputedStyle(e).backgroundColor;
			if (rgb(color)[3] === 255) return color;
		}
		return "white";
	};
	const low = new Set();
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.matches("option, script")) continue;
		const [a, b] = [luminance(getComputedStyle(e).color), luminance(ground(e))].sort((a, b) => b - a);
		const ratio = (a + .05) / (b + .05);
		if (ratio < 4.5 && !e.disabled) low.add(e.tagName + "." + e.className + " " + ratio.toFixed(2) + " " + e.textContent.slice(0, 30));
	}
	return [...low];
})()`

func testRates(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{})
	p := open(t, b, s.url, look{})
	total := func(class, n string) string {
		return fmt.Sprintf(`document.querySelector("#rates tr[data-key=%s]").cells[1].textContent === %q`, class, n)
	}
	p.until(total("info", "0"))
	for range 1234 {
		s.log(slog.LevelInfo, "counted")
	}
	s.log(slog.LevelError, "counted")
	p.until(total("info", "1\u2009234"))
	p.until(total("error", "1"))
	bars := func(class string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#rates tr[data-key=%s] rect")].filter(r => r.getAttribute("height") > 5).length`, class)
	}
	p.until(bars("info") + " > 0 && " + bars("error") + " === 1 && " + bars("warn") + " === 0")
	for value, n := range map[string]int{"minutes": 60, "hours": 24, "seconds": 60} {
		p.click(fmt.Sprintf("label:has([value=%s])", value))
		p.until(fmt.Sprintf(`document.querySelectorAll("#rates tr[data-key=info] rect").length === %d && document.querySelector("#moment").max === "%d"`, n, n-1))
	}
	p.click("label:has([value=hours])")
	eval[any](p, `document.querySelector("#moment").focus()`)
	p.keys(kb.ArrowLeft)
	p.until(`document.querySelector(".moment output").textContent === "60 min ago: 0 ERROR · 0 WARN · 0 INFO · 0 DEBUG"`)
	p.until(`document.querySelector("#moment").getAttribute("aria-valuetext").startsWith("60 min ago")`)
}

// Numbers that grow push nothing around.
func testStill(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{ChangeLevels: true})
	fill(s)
	p := open(t, b, s.url, look{still: true})
	p.until(`document.querySelectorAll("#errors details").length === 1 && document.querySelectorAll("#sinks li").length === 5`)
	eval[any](p, `void (window.shifts = [], new PerformanceObserver(list => shifts.push(...list.getEntries().map(e =>
		e.value + " " + e.sources.map(s => s.node?.outerHTML ?? s.node?.textContent).join(" ").slice(0, 300)))).observe({type: "layout-shift"}))`)
	for name, text := range map[string]string{"CPU": "100.0 %", "heap": "1023 KiB", "goroutines": "1\u2009234"} { // and back, with the next event
		eval[any](p, fmt.Sprintf(`document.querySelector("#process [data-key=%s] dd").textContent = %q`, name, text))
		p.do(chromedp.Sleep(100 * time.Millisecond))
	}
	for _, n := range []int{1, 20, 300, 4000} {
		for range n {
			s.log(slog.LevelInfo, "counted")
		}
		p.until(fmt.Sprintf(`Number(document.querySelector("#rates tr[data-key=info]").cells[1].textContent.replace(/\D/g, "")) > %d`, n))
		p.do(chromedp.Sleep(300 * time.Millisecond))
	}
	if shifts := eval[[]string](p, "shifts"); len(shifts) > 0 {
		t.Errorf("%s", strings.Join(shifts, "\n"))
	}
	if name := eval[string](p, `getComputedStyle(document.querySelector("#connection"), "::before").animationName`); name != "none" {
		t.Errorf("%s moves for those who want no motion", name)
	}
}

func testSinks(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{})
	p := open(t, b, s.url, look{})
	if got := p.text("#health"); got != "failing audit: failing · logstash: degraded" {
		t.Errorf("health: %q", got)
	}
	if got := eval[string](p, "document.title"); got != "failing · orders" {
		t.Errorf("title: %q", got)
	}
	want := [][]string{
		{"audit  audit", "/mnt/audit/audit.log", "failing"},
		{"logstash  logstash · INFO", "beats+tls://logstash-1.example.org:5044,logstash-2.example.org:5044", "degraded"},
	}
	if got := eval[[][]string](p, `[...document.querySelectorAll("#sinks li")].slice(3).map(li => [...li.querySelectorAll(".who p")].map(p => p.textContent))`); !cmp.Equal(want, got) {
		t.Errorf("mismatch (-want +got)\n%s", cmp.Diff(want, got))
	}
	cells := map[string]string{
		"Written": "900\n130 KiB", "Dropped": "10\nof 910", "Queued": "0", "Spooled": "–", "File": "130 KiB", "Backups": "–", "Rotated": "–", "Free disk": "3.0 MiB",
	}
	if got := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll("#sinks li:nth-child(4) dl div")].map(d => [d.firstChild.innerText, d.lastChild.innerText.trim()]))`); !cmp.Equal(cells, got) {
		t.Errorf("mismatch (-want +got)\n%s", cmp.Diff(cells, got))
	}
	notes := p.text("#sinks li:nth-child(4) .notes")
	for _, part := range []string{"down: no space left on device", "disk has 3.0 MiB left", "error in the last minute: write /mnt/audit/audit.log"} {
		if !strings.Contains(notes, part) {
			t.Errorf("%q is not in %q", part, notes)
		}
	}
}

// visible is an expression for the messages in the tail that are seen.
const visible = `[...document.querySelectorAll("#tail details")].filter(d => d.checkVisibility()).map(d => d.querySelector("bdi").textContent).join()`

// came is an expression for how many lines have come to the tail, with those that are left out.
const came = `[...document.querySelector("#tail-count").textContent.matchAll(/ of ([\d\s]+) lines|([\d\s]+) came/g)]
	.reduce((sum, [, seen, left]) => sum + Number((seen ?? left).replace(/\D/g, "")), 0)`

func testTail(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{})
	s.log(slog.LevelInfo, "before")
	p := open(t, b, s.url, look{})
	if got := p.text("#tail .lines"); got != "" || eval[string](p, `getComputedStyle(document.querySelector("#tail .lines"), "::after").content`) != `"Nothing so far."` {
		t.Errorf("the tail begins with %q", got)
	}
	s.log(slog.LevelDebug, "one", "city", "Kraków")
	s.log(slog.LevelInfo, "two")
	s.log(slog.LevelError, "three", slog.Group("http", "status", 500))
	p.until(visible + ` === "one,two,three"`)
	if got := p.text("#tail-count"); got != "3 of 3 lines" {
		t.Errorf("%q", got)
	}

	// By text, in messages and attrs, whatever the case.
	for _, filter := range []struct{ text, want string }{{"TWO", "two"}, {"http.status=500", "three"}, {"kraków", "one"}, {"nowhere", ""}} {
		eval[any](p, `document.querySelector("#tail-text").value = ""`)
		p.do(chromedp.SendKeys(chromedp.CSS("#tail-text"), filter.text))
		p.until(fmt.Sprintf("%s === %q", visible, filter.want))
	}
	s.log(slog.LevelInfo, "hidden")
	p.until(`document.querySelector("#tail-count").textContent === "0 of 4 lines"`)
	eval[any](p, `(e => { e.value = ""; e.dispatchEvent(new Event("input")); })(document.querySelector("#tail-text"))`)
	p.until(visible + ` === "one,two,three,hidden"`)

	// By level, which makes the program send less.
	choose := func(level string) {
		t.Helper()
		eval[any](p, fmt.Sprintf(`(e => { e.value = %q; e.dispatchEvent(new Event("change")); })(document.querySelector("#tail-level"))`, level))
	}
	choose("WARN")
	p.until(visible + ` === "three"`)
	p.until(`document.body.dataset.connection === "live"`)
	for _, want := range []string{"", "WARN"} {
		if got := <-s.streams; got != want {
			t.Errorf("a stream from level %q, want %q", got, want)
		}
	}
	const gaps = `[...document.querySelectorAll("#tail .gap")].map(e => e.textContent).join()`
	const changed = "The lowest level was changed. Lines of that moment may be missing here."
	p.until(fmt.Sprintf("%s === %q", gaps, changed)) // it is under way
	s.log(slog.LevelInfo, "unsent")
	s.log(slog.LevelWarn, "four")
	p.until(visible + ` === "three,four"`)
	choose("")
	p.until(visible + ` === "one,two,three,hidden,four"`)
	p.until(fmt.Sprintf("%s === %q", gaps, changed+","+changed))
	if !eval[bool](p, `document.body.dataset.connection === "live"`) {
		t.Error("another level looks like a lost connection")
	}

	p.do(chromedp.Sleep(200 * time.Millisecond))
	p.click("#tail-pause")
	s.log(slog.LevelInfo, "late")
	p.until(`document.querySelector("#tail-count").textContent === "5 of 6 lines · 1 wait"`)
	p.until(visible + ` === "one,two,three,hidden,four"`)
	p.click("#tail-pause")
	p.until(visible + ` === "one,two,three,hidden,four,late"`)
	p.click("#tail-clear")
	p.until(visible + ` === "" && document.querySelector("#tail-count").textContent === "0 of 0 lines"`)
}

// What is looked for stays, however much else is logged, and what a pause leaves out
// is said.
func testBusy(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{})
	p := open(t, b, s.url, look{})
	burst := func(behind, n int) {
		for i := range n {
			if i%100 == 99 {
				p.until(fmt.Sprint(came, " === ", behind+i)) // or it comes too fast
			}
			s.log(slog.LevelInfo, "hay")
		}
	}
	p.do(chromedp.SendKeys(chromedp.CSS("#tail-text"), "needle"))
	s.log(slog.LevelInfo, "needle")
	burst(1, 600)
	p.until(`document.querySelector("#tail-count").textContent === "1 of 601 lines"`)
	p.until(visible + ` === "needle"`)

	p.click("#tail-clear")
	eval[any](p, `(e => { e.value = ""; e.dispatchEvent(new Event("input")); })(document.querySelector("#tail-text"))`)
	p.click("#tail-pause")
	burst(0, 1200)
	s.log(slog.LevelInfo, "last")
	p.until(`document.querySelector("#tail-count").textContent === "0 of 1 201 lines · 499 wait"`)
	p.click("#tail-pause")
	p.until(visible + `.endsWith(",last")`)
	p.until(`document.querySelector("#tail-count").textContent === "499 of 1 201 lines"`)
	if got := p.text("#tail .gap"); got != "702 lines are missing here: no more than 500 wait." {
		t.Errorf("the gap says %q", got)
	}
}

// However much is logged, the page stays small, and says what it leaves out.
func testStorm(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{})
	p := open(t, b, s.url, look{})
	for i := range 20_000 {
		s.log(slog.LevelError, "storm", "i", i)
	}
	p.until(`document.querySelector("#tail-count").textContent.includes("came too fast and are left out")`)
	p.until(`document.querySelector("#rates tr[data-key=error]").cells[1].textContent === "20\u2009000"`)
	s.log(slog.LevelInfo, "calm")
	p.until(visible + `.endsWith("calm")`)
	if n := eval[int](p, `document.querySelectorAll("#tail .lines > *").length`); n > 500 || n < 100 {
		t.Errorf("%d lines are kept", n)
	}
	if n := eval[int](p, `document.querySelectorAll("#errors details").length`); n != 50 {
		t.Errorf("%d errors are kept", n)
	}
	if !eval[bool](p, `(l => l.scrollTop + l.clientHeight >= l.scrollHeight - 8)(document.querySelector("#tail .lines"))`) {
		t.Error("the tail does not show its end")
	}
	// One who reads further up is left there.
	eval[any](p, `document.querySelector("#tail .lines").scrollTop = 100`)
	s.log(slog.LevelInfo, "more")
	p.until(visible + `.endsWith("more")`)
	if eval[bool](p, `(l => l.scrollTop + l.clientHeight >= l.scrollHeight - 8)(document.querySelector("#tail .lines"))`) {
		t.Error("the tail jumps to its end")
	}
}

func testKeyboard(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{ChangeLevels: true})
	fill(s)
	s.log(slog.LevelError, "newest", "secret", "none")
	p := open(t, b, s.url, look{})
	s.log(slog.LevelInfo, "first")
	s.log(slog.LevelInfo, "second")
	p.until(visible + ` === "first,second"`)
	if _, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
	}); err != nil {
		t.Fatal(err)
	}
	ring := func(what string) {
		t.Helper()
		if !eval[bool](p, `[document.activeElement, document.activeElement.closest("label")].some(e => e && getComputedStyle(e).outlineStyle !== "none" && parseFloat(getComputedStyle(e).outlineWidth) >= 1)`) {
			t.Errorf("%s has the focus and no ring", what)
		}
	}
	p.tabTo("[name=ring]")
	ring("the choice of the chart")
	p.keys(kb.ArrowRight)
	p.until(`document.querySelector("[value=minutes]").checked && document.querySelector("#moment").max === "59"`)
	p.tabTo("#moment")
	ring("the slider")
	p.tabTo("#levels select")
	ring("a level")
	p.tabTo("#errors summary")
	ring("an error")
	p.keys(kb.ArrowDown)
	p.until(`document.activeElement.textContent.includes("payment refused")`)
	p.keys(kb.Enter)
	p.until(`document.activeElement.parentElement.open && document.querySelector("#errors .more dd:last-of-type")`)
	p.keys("c")
	p.until(`document.activeElement.textContent.includes("copied")`)
	copied := eval[string](p, "navigator.clipboard.readText()")
	if !strings.Contains(copied, `"msg":"payment refused","order":4711,"err":"card expired","stack":"pay.go:12\n\tcharge()\nmain.go:40"}`) {
		t.Errorf("copied: %s", copied)
	}
	p.keys(kb.Home)
	p.until(`document.activeElement.textContent.includes("newest")`)
	before := p.tabTo("#tail summary")
	if want := []string{"tail-level", "tail-text", "tail-pause", "tail-clear"}; !cmp.Equal(want, slices.DeleteFunc(before, func(s string) bool { return s == "Copy as JSON" })) {
		t.Errorf("before the tail come %q", before)
	}
	ring("a line")
	p.until(`document.activeElement.textContent.includes("second")`)
	p.keys(kb.ArrowUp)
	p.until(`document.activeElement.textContent.includes("first")`)
	// What has the focus may go, the focus may not.
	for i := range 8 {
		for range 100 {
			s.log(slog.LevelInfo, "more")
		}
		p.until(fmt.Sprint(came, " === ", 2+100*(i+1))) // or it comes too fast
	}
	p.until(visible + `.startsWith("more")`)
	if !eval[bool](p, `document.activeElement.matches("#tail summary")`) {
		t.Errorf("the focus is on %s", eval[string](p, "document.activeElement.outerHTML.slice(0, 200)"))
	}
	if n := eval[int](p, `document.querySelectorAll("#tail summary[tabindex='0']").length`); n != 1 {
		t.Errorf("%d lines are in the order of tabs", n)
	}
}

func testLevels(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{ChangeLevels: true})
	p := open(t, b, s.url, look{})
	if got := eval[[]string](p, `[...document.querySelectorAll("#levels li")].map(li => li.querySelector(".name").textContent + " " + (li.querySelector("select")?.value ?? li.querySelector("strong").textContent))`); !cmp.Equal([]string{"app INFO", "errors ERROR", "logstash INFO"}, got) {
		t.Errorf("levels: %q", got)
	}
	if !eval[bool](p, `document.querySelector("#levels button").disabled`) {
		t.Error("a level can be set to what it is")
	}
	p.do(chromedp.SendKeys(chromedp.CSS("#levels select"), "DEBUG"))
	p.tabTo("#levels button")
	p.keys(kb.Enter)
	p.until(`document.querySelector("#levels [role=status]").textContent === "The level of app is DEBUG now. It was INFO."`)
	if got := s.app.Level(); got != slog.LevelDebug {
		t.Errorf("the level is %v", got)
	}
	p.until(visible + ` === "log level changed"`)
	p.do(chromedp.Sleep(300 * time.Millisecond))
	if !eval[bool](p, `document.activeElement === document.querySelector("#levels button")`) {
		t.Error("the button has lost the focus")
	}

	// Somebody else sets it.
	eval[any](p, "document.activeElement.blur()")
	s.app.Set(slog.LevelWarn + 1)
	p.until(`document.querySelector("#levels select").value === "WARN+1"`)
	p.until(`document.querySelectorAll("#sinks li")[1].textContent.includes("WARN+1")`)
	p.until(`document.querySelector("#levels button").disabled`)
}

func testFixedLevels(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{})
	p := open(t, b, s.url, look{})
	if got := eval[int](p, `document.querySelectorAll("#levels li").length - document.querySelectorAll("#levels select").length`); got != 3 {
		t.Errorf("%d levels are to read only", got)
	}
	if got := p.text("#levels .hint"); !strings.Contains(got, "allows no changes") {
		t.Errorf("%q", got)
	}
	// A page that was open when the program was started anew without the permission.
	eval[any](p, `window.select = {value: "DEBUG", dataset: {level: "INFO"}}, setLevel("app", select)`)
	p.until(`document.querySelector("#levels [role=status]").textContent.includes("set PageOptions.ChangeLevels")`)
	if got := eval[string](p, "select.value"); got != "INFO" {
		t.Errorf("what was refused is shown as %s", got)
	}
	if got := p.console(); len(got) != 1 || !strings.Contains(got[0], "403") {
		t.Errorf("the console says %q", got)
	}
}

// Text of the log, of sinks and of levels is text, whatever it looks like.
func testHostile(t *testing.T, b *chrome) {
	const evil = `<img src=x onerror="window.hit=1"></script><script>window.hit=2</script><svg onload="window.hit=3">{{script}}`
	texts := []string{evil, "javascript:hit=4", "a\u2028\u2029\n\n\nevent: state\ndata: {}\n\n", "\x1b[2J\x00\xff", "\u202eevil\u2066", "__proto__", "constructor"}
	var level slog.LevelVar
	handler := monitor.NewHandler(takesAll(), &monitor.Options{Sinks: func() (sinks []monitor.Sink) {
		for _, text := range texts {
			sinks = append(sinks, monitor.Sink{Name: text, Type: text, Target: text, Down: text, LastErr: fmt.Errorf("%s", text), Notes: []string{text}})
		}
		return sinks
	}})
	levels := make([]monitor.Level, len(texts))
	for i, text := range texts {
		levels[i] = monitor.Level{Name: text, Leveler: &level}
	}
	opts := monitor.PageOptions{Title: evil, Levels: func() []monitor.Level { return levels }, ChangeLevels: true, Interval: 100 * time.Millisecond}
	s := serve(t, opts)
	page := monitor.NewPage(handler, &opts)
	listener, stop := listen(t, "127.0.0.1:0", page)
	t.Cleanup(stop)
	s.handler = handler
	p := open(t, b, "http://"+listener, look{})
	for _, text := range texts {
		s.log(slog.LevelError, text, text, text, slog.Group(text, text, text), "any", map[string]string{text: text})
	}
	n := len(texts)
	p.until(fmt.Sprintf(`document.querySelectorAll("#tail details").length === %d && document.querySelectorAll("#errors details").length === %d`, n, n))
	eval[any](p, `document.querySelectorAll("details").forEach(d => d.open = true)`)
	p.until(fmt.Sprintf(`document.querySelectorAll(".more").length === %d`, 2*n))
	if eval[bool](p, `"hit" in window || Object.prototype.hit !== undefined`) {
		t.Error("text of the log has run")
	}
	if got := eval[[]string](p, `[...document.querySelectorAll("img, iframe, script, svg[onload], a")].map(e => e.outerHTML.slice(0, 60))`); len(got) != 1 {
		t.Errorf("there are elements of the log's: %q", got)
	}
	for _, selector := range []string{"h1", "#tail bdi", "#errors dd", "#sinks strong", "#sinks .target", "#levels label"} {
		if !eval[bool](p, fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.textContent === %q)`, selector, evil)) {
			t.Errorf("%s does not show the text as it is", selector)
		}
	}
	if got := p.text("#rates tr[data-key=error] td"); got != strconv.Itoa(n) {
		t.Errorf("%s errors, want %d", got, n)
	}
	if width := eval[int](p, "document.documentElement.scrollWidth"); width > 1440 {
		t.Errorf("the page is %d wide", width)
	}
}

// listen serves a page until stop, which leaves no connection.
func listen(t *testing.T, addr string, page http.Handler) (at string, stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(listener) //nolint:errcheck // it ends with stop
	return listener.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
}

func testReconnects(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{})
	free, err := lstest.FreeAddr() // or somebody could be given the port while the page is away
	if err != nil {
		t.Fatal(err)
	}
	addr, stop := listen(t, free, s.page)
	p := open(t, b, "http://"+addr, look{})
	s.log(slog.LevelInfo, "one")
	p.until(visible + ` === "one"`)
	stop()
	p.until(`document.body.dataset.connection === "lost" && document.querySelector("#connection").textContent.startsWith("Connection lost")`)
	if got := eval[string](p, `getComputedStyle(document.querySelector("main")).filter`); got != "grayscale(1)" {
		t.Errorf("what is old has the filter %q", got)
	}
	s.log(slog.LevelInfo, "unseen")
	_, stop = listen(t, addr, s.page)
	defer stop()
	p.until(`document.body.dataset.connection === "live"`)
	s.log(slog.LevelInfo, "two")
	p.until(visible + ` === "one,two" && document.querySelector("#tail .gap + details")`)
	p.until(`document.querySelector("#rates tr[data-key=info]").cells[1].textContent === "3"`)
	for _, message := range p.console() {
		if !strings.Contains(message, "ERR_CONNECTION_REFUSED") && !strings.Contains(message, "ERR_INCOMPLETE_CHUNKED_ENCODING") {
			t.Errorf("the console says %q", message)
		}
	}
}

func testTooMany(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{MaxWatchers: 1})
	p := open(t, b, s.url, look{})
	ctx, cancel := chromedp.NewContext(b.ctx)
	defer cancel()
	second := &tab{T: t, ctx: ctx}
	second.do(chromedp.Navigate(s.url))
	second.until(`document.querySelector("#connection").textContent.includes("1 pages are open already")`)
	p.do(chromedp.Navigate("about:blank"))
	second.until(`document.body.dataset.connection === "live"`)
}

// The page finds its stream wherever it is.
func testMounted(t *testing.T, b *chrome) {
	s := serve(t, monitor.PageOptions{ChangeLevels: true})
	mux := http.NewServeMux()
	mux.Handle("/debug/log", s.page)
	mux.Handle("/ops/", http.StripPrefix("/ops", s.page))
	addr, stop := listen(t, "127.0.0.1:0", mux)
	t.Cleanup(stop)
	for _, path := range []string{"/debug/log?x=1#here", "/ops/log/"} {
		p := open(t, b, "http://"+addr+path, look{})
		level := map[bool]string{true: "WARN", false: "DEBUG"}[s.app.Level() == slog.LevelDebug]
		eval[any](p, fmt.Sprintf("setLevel('app', {value: %q, dataset: {}})", level))
		p.until(fmt.Sprintf(`document.querySelector("#levels [role=status]").textContent.includes("is %s now")`, level))
	}
}

func testEmpty(t *testing.T, b *chrome) {
	page := monitor.NewPage(monitor.NewHandler(slog.DiscardHandler, nil), nil)
	addr, stop := listen(t, "127.0.0.1:0", page)
	t.Cleanup(stop)
	p := open(t, b, "http://"+addr, look{})
	for selector, want := range map[string]string{
		"h1": filepath.Base(os.Args[0]), "#health": "healthy", "#sinks .hint": "The program says nothing about its sinks.", "#levels .hint": "The program lists none.",
	} {
		if got := strings.TrimSpace(p.text(selector)); got != want {
			t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}
}
