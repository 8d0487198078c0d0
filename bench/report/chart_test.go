package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestChart(t *testing.T) {
	svg := chart(example(), exampleSetting())
	if again := chart(example(), exampleSetting()); svg != again {
		t.Error("the same results make two charts")
	}

	var texts []string
	bars, width, height := 0, 0, 0
	number := func(e xml.StartElement, name string) int {
		for _, a := range e.Attr {
			if a.Name.Local == name {
				n, err := strconv.Atoi(a.Value)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				return n
			}
		}
		t.Errorf("%s without %s", e.Name.Local, name)
		return 0
	}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "svg":
				width, height = number(token, "width"), number(token, "height")
			case "rect":
				bars++
				if x := number(token, "x") + number(token, "width"); x > width {
					t.Errorf("a bar ends at %d of %d", x, width)
				}
				if y := number(token, "y") + number(token, "height"); y > height {
					t.Errorf("a bar ends at height %d of %d", y, height)
				}
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
	// Three of the legend, five of the grid, three of the first case and one of the second.
	if bars != 12 {
		t.Errorf("%d bars", bars)
	}
	for _, want := range []string{
		"a|b <&>", "slow & <odd>", "0.50x", "0.80x", "» 12x", "0.75x", "invalid: slow & <odd>",
	} {
		if !slices.Contains(texts, want) {
			t.Errorf("%q is not among %q", want, texts)
		}
	}
}
