package page_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sluicelog/sluice/monitor"
)

var update = flag.Bool("update", false, "write the screenshots of docs/img")

// testScreenshots makes the pictures of docs/monitor.md, and fails if one is not
// there or too large.
func testScreenshots(t *testing.T, b *chrome) {
	dir := filepath.Join("..", "..", "docs", "img")
	var s *service
	if *update {
		s = serve(t, monitor.PageOptions{ChangeLevels: true})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			traffic(ctx, s)
		}()
		defer func() { cancel(); <-done }()
		<-time.After(50 * time.Second) // a chart with something in it
	}
	for _, scheme := range []string{"light", "dark"} {
		for name, size := range map[string]size{"phone": {390, 1400}, "tablet": {820, 1300}, "desktop": {1440, 1400}} {
			file := filepath.Join(dir, fmt.Sprintf("monitor-%s-%s.png", name, scheme))
			if *update {
				t.Run(name+" "+scheme, func(t *testing.T) { // which closes the tab
					p := open(t, b, s.url, look{size: size, scheme: scheme, still: true})
					p.until(`document.querySelectorAll("#tail details").length > 40`)
					shot, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, smaller(t, shot), 0o644); err != nil {
						t.Fatal(err)
					}
				})
			}
			info, err := os.Stat(file)
			if err != nil {
				t.Error(err)
			} else if info.Size() > 150<<10 {
				t.Errorf("%s has %d bytes", file, info.Size())
			}
		}
	}
}

// traffic logs what the service of a shop might, until ctx is done.
func traffic(ctx context.Context, s *service) {
	for i := 0; ctx.Err() == nil; i++ {
		s.log(slog.LevelInfo, "request served", slog.Group("http", "method", "GET", "path", fmt.Sprintf("/orders/%d", 4000+rand.N(1000)), "status", 200),
			"duration", time.Duration(rand.N(90_000_000)).Round(10*time.Microsecond).String())
		switch {
		case i%3 == 0:
			s.log(slog.LevelDebug, "cache miss", "key", fmt.Sprintf("session:%04x", rand.N(1<<16)))
		case i%41 == 0:
			s.log(slog.LevelWarn, "slow query", "table", "orders", "duration", fmt.Sprintf("1.%ds", rand.N(9)))
		case i%211 == 0:
			s.log(slog.LevelError, "payment refused", "order", 4000+rand.N(1000), "error", "card expired", "attempt", 1+rand.N(3))
		}
		<-time.After(time.Duration(rand.N(int64(30 * time.Millisecond))))
	}
}

// smaller returns a PNG with the 256 colors that are most often in it.
func smaller(t *testing.T, shot []byte) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[color.RGBA]int{}
	bounds := img.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c, _ := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			counts[c]++
		}
	}
	colors := make([]color.RGBA, 0, len(counts))
	for c := range counts {
		colors = append(colors, c)
	}
	slices.SortFunc(colors, func(a, b color.RGBA) int { return cmp.Compare(counts[b], counts[a]) })
	palette := make(color.Palette, 0, 256)
	for _, c := range colors[:min(256, len(colors))] {
		palette = append(palette, c)
	}
	small := image.NewPaletted(bounds, palette)
	draw.Draw(small, bounds, img, bounds.Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
