package handler

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/source"
)

// sourceTexts make the text of the place of a log call, once for each.
type sourceTexts struct {
	*source.Memo[sourceText]
	below string // the working directory, with a separator behind, or nothing
	main  string // the path of the main module, with a slash behind, or nothing
	color bool
	url   func(*slog.Source) string
}

// A sourceText is what is printed, with a space before it.
type sourceText struct {
	text string
	cols int
}

func newSourceTexts(s *consoleShared) *sourceTexts {
	t := &sourceTexts{color: s.color, url: s.opts.SourceURL}
	// Below the root there is everything, so it shortens nothing.
	if dir, err := os.Getwd(); err == nil && dir != filepath.Dir(dir) {
		t.below = filepath.ToSlash(dir) + "/"
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path != "" {
		t.main = info.Main.Path + "/"
	}
	t.Memo = source.NewMemo(func(at source.Source) sourceText {
		function := at.Function
		if at.Package != "" {
			function = at.Package + "." + function
		}
		return t.make(&slog.Source{Function: function, File: at.File, Line: at.Line})
	})
	return t
}

// make returns the text of a place.
func (t *sourceTexts) make(s *slog.Source) sourceText {
	text := "(" + printableMessage(t.trim(s.File)) + ":" + strconv.Itoa(s.Line) + ")"
	cols := columns(text) + 1
	if t.color {
		if url := t.link(s); url != "" {
			text = "\x1b]8;;" + url + "\x1b\\" + text + "\x1b]8;;\x1b\\"
		}
		text = sgr("2") + text + resetColor
	}
	return sourceText{" " + text, cols}
}

// trim shortens the path of a file: to that below the working directory, which can
// be opened, or to that in its module, or to the last two elements.
func (t *sourceTexts) trim(file string) string {
	file = filepath.ToSlash(file)
	if rest, ok := strings.CutPrefix(file, t.below); ok && t.below != "" {
		return rest
	}
	if rest, ok := strings.CutPrefix(file, t.main); ok && t.main != "" { // built with -trimpath
		return rest
	}
	if _, rest, ok := strings.Cut(file, "/pkg/mod/"); ok {
		return rest
	}
	end := strings.LastIndexByte(file, '/')
	return file[strings.LastIndexByte(file[:max(0, end)], '/')+1:]
}

// link returns the address of a place, without what could end it.
func (t *sourceTexts) link(s *slog.Source) (url string) {
	if t.url == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			url = ""
		}
	}()
	var b strings.Builder
	for _, c := range []byte(t.url(s)) {
		if ' ' < c && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
