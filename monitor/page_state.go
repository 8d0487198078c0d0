package monitor

import (
	"encoding/json"
	"net/http"
	"time"
)

// A pageState is all that the page shows but lines.
type pageState struct {
	Interval     int64        `json:"interval_ms"`
	Health       Health       `json:"health"`
	Totals       Counts       `json:"totals"` // since NewHandler
	Rates        Rates        `json:"rates"`
	Levels       []levelState `json:"levels"`
	LevelNames   []string     `json:"level_names"`
	ChangeLevels bool         `json:"change_levels"`
}

func (p *Page) state() pageState {
	totals := p.handler.shared.tally()
	return pageState{
		Interval:     int64(p.opts.Interval / time.Millisecond),
		Health:       p.handler.Health(),
		Totals:       totals.counts(),
		Rates:        p.handler.Rates(),
		Levels:       p.levelStates(),
		LevelNames:   levelNames(),
		ChangeLevels: p.opts.ChangeLevels,
	}
}

// serveState serves what the page shows, once.
func (p *Page) serveState(w http.ResponseWriter) {
	text, err := json.MarshalIndent(p.state(), "", "  ")
	if err != nil {
		refuse(http.StatusInternalServerError, "%v", err).send(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // to a client that may have left
}
