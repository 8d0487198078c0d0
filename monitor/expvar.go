package monitor

import "encoding/json"

// String returns the Stats, the sums of the Rates and the Health as an object of
// JSON, so that a Handler is an expvar.Var:
//
//	expvar.Publish("log", h)
func (h *Handler) String() string {
	type sums struct {
		PerSecond  float64 `json:"per_second"`
		LastMinute Counts  `json:"last_minute"`
		LastHour   Counts  `json:"last_hour"`
		LastDay    Counts  `json:"last_day"`
	}
	r := h.Rates()
	text, err := json.Marshal(struct {
		Stats  Stats  `json:"stats"`
		Rates  sums   `json:"rates"`
		Health Health `json:"health"`
	}{h.Stats(), sums{r.PerSecond, r.LastMinute, r.LastHour, r.LastDay}, h.Health()})
	if err != nil {
		return "null" // there is nothing in it that has no text
	}
	return string(text)
}
