package prom_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/monitor/prom"
)

func ExampleNewCollector() {
	h := monitor.NewHandler(slog.DiscardHandler, nil)
	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(h, nil))
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	_ = h.Handle(context.Background(), slog.Record{Level: slog.LevelError, Message: "payment failed"})

	w := httptest.NewRecorder()
	metrics.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", http.NoBody))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "sluice_records_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// sluice_records_total{level="DEBUG"} 0
	// sluice_records_total{level="ERROR"} 1
	// sluice_records_total{level="INFO"} 0
	// sluice_records_total{level="WARN"} 0
}
