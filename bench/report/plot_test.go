package main

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/svg/svgtest"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file of testdata, and writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
	}
}

// seenRow is a row as somebody sees it: bar, least and most are lengths on the axis.
type seenRow struct {
	group, one, other, text string
	missed                  bool
	bar, least, most        float64
	perPixel                float64
}

// near reports whether a length is a number that was rounded to a unit, as far as can be seen.
func (r *seenRow) near(length, number, unit float64) bool {
	return math.Abs(length-number) <= unit/2+0.3*r.perPixel
}

// look reads a plot as somebody does who has a ruler. Numbers are right to a tenth of a pixel.
func look(t *testing.T, file string) (rows []seenRow, p svgtest.Picture) {
	t.Helper()
	p, err := svgtest.Read(file)
	if err != nil {
		t.Fatalf("%v in\n%s", err, file)
	}
	var left, perPixel float64 // of the axis
	group, one := "", ""
	lengths := func(y float64, r *seenRow) {
		for _, rect := range p.Rects {
			end := (rect.X + rect.Width - left) * perPixel
			switch center := (rect.X + 1 - left) * perPixel; {
			case rect.Y < y-13 || rect.Y > y || rect.X < left-1:
			case rect.Fill == firstColor || rect.Fill == otherColor:
				r.bar = end
			case rect.Fill == plotAsked:
				r.least = center
			case rect.Fill == plotInk && rect.Height > 3:
				r.most = center
			}
		}
	}
	for i, text := range p.Texts {
		number, err := strconv.ParseFloat(strings.Replace(text.Text, "k", "e3", 1), 64)
		switch {
		case text.Fill == plotDim && err == nil && number == 0:
			left = text.X
		case text.Fill == plotDim && err == nil:
			perPixel = number / (text.X - left)
		case text.Fill == plotDim || perPixel == 0:
		case text.X == plotWidth-plotMargin:
			r := seenRow{group: group, one: one, other: p.Texts[i-1].Text, text: text.Text, missed: text.Fill == plotAsked, perPixel: perPixel}
			lengths(text.Y, &r)
			rows = append(rows, r)
		case text.X == plotMargin && p.Texts[i+1].Y == text.Y && p.Texts[i+1].Fill == plotInk:
			one = text.Text
		case text.X == plotMargin:
			group = text.Text
		}
	}
	return rows, p
}

// cells returns the rows of the table of a page that has this head.
func cells(t *testing.T, page, head string) (rows [][]string) {
	t.Helper()
	_, rest, ok := strings.Cut(page, head+"\n")
	if !ok {
		t.Fatalf("no table %q in\n%s", head, page)
	}
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "| ") {
			break
		}
		if !strings.HasPrefix(line, "| ---") {
			row := strings.Split(strings.Trim(line, "| \n"), "|")
			for i := range row {
				row[i] = strings.TrimSpace(row[i])
			}
			rows = append(rows, row)
		}
	}
	return rows
}
