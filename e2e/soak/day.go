package main

import (
	"math"
	"time"
)

// day is 24 hours that take less.
type day struct {
	Begin  time.Time
	Length time.Duration // in which 24 hours pass
	Peak   int           // events per second of real time at three in the afternoon
}

// hour returns the hour of day at t.
func (d day) hour(t time.Time) float64 { return 24 * float64(t.Sub(d.Begin)) / float64(d.Length) }

// at returns when an hour is.
func (d day) at(hour float64) time.Time { return d.Begin.Add(d.hours(hour)) }

// hours returns how long so many hours take.
func (d day) hours(n float64) time.Duration { return time.Duration(n / 24 * float64(d.Length)) }

// night is how much of the peak there is at three in the morning.
const night = 0.1

// rate returns how many events come in a second of real time. It is least at
// three in the morning.
func (d day) rate(hour float64) float64 {
	return float64(d.Peak) * (night + (1-night)*(1-math.Cos(2*math.Pi*(hour-3)/24))/2)
}

// due returns how many events are to have come up to an hour: what rate makes.
func (d day) due(hour float64) int {
	wave := func(h float64) float64 { return math.Sin(2 * math.Pi * (h - 3) / 24) }
	share := night*hour + (1-night)*(hour-24/(2*math.Pi)*(wave(hour)-wave(0)))/2
	return int(float64(d.Peak) * share * d.Length.Seconds() / 24)
}
