package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/broker"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
)

// sampleWidth is how much of an event a dry run shows.
const sampleWidth = 160

// rehearse does all but sending.
func (r *replay) rehearse(ctx context.Context) (*account, error) {
	a := &r.account
	a.dry = true
	err := r.units(ctx, func(u *unit) error {
		for i := range u.lines {
			l := &u.lines[i]
			a.add(u, i)
			if l.fate != isEvent {
				continue
			}
			a.delivered++
			if len(a.samples) < maxSamples {
				a.samples = append(a.samples, sample(u.data(l)))
			}
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		a.ended = interrupted
	case err != nil:
		a.ended, a.reason = failed, err
	}
	a.about(r)
	a.left = ""
	if ctx.Err() == nil {
		r.probe(ctx)
	}
	return a, nil
}

// sample returns the beginning of an event.
func sample(event []byte) string {
	s := []rune(harmless(string(event[:min(len(event), 4*sampleWidth)])))
	if len(s) > sampleWidth {
		return string(s[:sampleWidth-1]) + "…"
	}
	return string(s)
}

// probe finds out whether the receivers can be reached.
func (r *replay) probe(ctx context.Context) {
	a := &r.account
	found, err := logstash.Probe(ctx, r.dest.addr, &r.dest.opts)
	if err != nil {
		a.probes, a.unproven = []string{harmless(withoutPrefix(err).Error())}, true
		return
	}
	reached := false
	for _, p := range found.Receivers {
		reached = reached || p.Err == nil
		switch {
		case p.Err != nil:
			a.unproven = true
			a.probes = append(a.probes, fmt.Sprintf("%s cannot be reached: %s", p.Addr, harmless(withoutPrefix(p.Err).Error())))
		case p.Remote == nil, r.dest.scheme == "udp":
			a.probes = append(a.probes, p.Addr+": nobody can tell whether it is there")
		case p.Certificate != nil:
			a.probes = append(a.probes, fmt.Sprintf("%s is there (%s); its certificate ends on %s", p.Addr,
				p.Took.Round(100*time.Microsecond), p.Certificate.NotAfter.Format(time.DateOnly)))
		default:
			a.probes = append(a.probes, fmt.Sprintf("%s is there (%s)", p.Addr, p.Took.Round(100*time.Microsecond)))
		}
	}
	if !reached {
		return
	}
	for _, f := range broker.Ask(ctx, r.dest.addr, &r.dest.opts, &r.dest.settings) {
		text := f.What + ": " + f.Detail
		if f.Do != "" {
			text += "; " + f.Do
		}
		a.probes = append(a.probes, harmless(withoutPrefix(errors.New(text)).Error()))
		a.unproven = a.unproven || f.Status == pipeline.Fail
	}
}
