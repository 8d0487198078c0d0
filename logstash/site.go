package logstash

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"
)

const (
	// lookupEvery is how old an answer to a lookup becomes while events are sent, less
	// up to a quarter by chance.
	lookupEvery = 30 * time.Second
	// lookupFresh is how old an answer may be that is good for a new connection.
	lookupFresh = time.Second
	// lookupPatience is how long a new connection waits for an answer. What is known by
	// then has to do.
	lookupPatience = time.Second
	// goneAfter is how long answers must lack an address until the connections to it end,
	// and it is forgotten. Some name servers tell of a few of many addresses at a time.
	goneAfter = 5 * time.Minute
)

// site is a name with several addresses, over which LoadBalance spreads the
// connections. Addresses of IPv4 and of IPv6 are likely to be the same receivers, so
// that those of one family are used at a time. The lock of the endpoints guards it.
type site struct {
	name, port string
	whole      *endpoint // for all addresses, as long as they are not known
	answered   bool
	ipv4       bool          // the family in use
	asked, due time.Time     // when the last lookup began, and when the next one is to
	done       chan struct{} // closed at the end of the lookup under way, nil without one
}

// siteOf returns the site of an endpoint, nil if there is nothing to look up.
func siteOf(p *endpoint) *site {
	name, port, err := net.SplitHostPort(p.host)
	if err != nil {
		return nil
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	return &site{name: name, port: port, whole: p}
}

// lookUp looks up the sites of which the last answer is not new, and waits for the
// answers, but not for long. What comes later is taken note of until ctx is done.
func (e *endpoints) lookUp(ctx context.Context) {
	if len(e.sites) == 0 {
		return
	}
	timer := time.NewTimer(min(lookupPatience, e.timeout))
	defer timer.Stop()
	for _, done := range e.ask(ctx) {
		select {
		case <-done:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// ask begins lookups where the last one is not new, and returns what is closed when
// those under way have ended.
func (e *endpoints) ask(ctx context.Context) (ends []<-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.life = ctx
	for _, s := range e.sites {
		if now.Sub(s.asked) >= lookupFresh {
			e.begin(s, now)
		}
		if s.done != nil {
			ends = append(ends, s.done)
		}
	}
	return ends
}

// askAgain begins the lookups that are due. The lock is held.
func (e *endpoints) askAgain(now time.Time) {
	if e.life == nil || e.life.Err() != nil {
		return
	}
	for _, s := range e.sites {
		if !now.Before(s.due) {
			e.begin(s, now)
		}
	}
}

// begin begins a lookup, unless one is under way. The lock is held.
func (e *endpoints) begin(s *site, now time.Time) {
	if s.done != nil {
		return
	}
	s.done = make(chan struct{})
	s.asked, s.due = now, now.Add(lookupEvery-rand.N(lookupEvery/4)) //nolint:gosec // no secret
	go e.resolve(e.life, s)
}

// resolve does a lookup. One that fails changes nothing.
func (e *endpoints) resolve(ctx context.Context, s *site) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	ips, err := e.names.lookup(ctx, "ip", s.name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil && len(ips) > 0 {
		e.learn(s, ips)
	}
	close(s.done)
	s.done = nil
}

// learn makes endpoints of the addresses of a site. Those that are not among them any
// more are kept for a while, and until their turns have ended. The lock is held.
func (e *endpoints) learn(s *site, ips []netip.Addr) {
	if !s.answered {
		s.answered, s.ipv4 = true, ips[0].Unmap().Is4() // the resolver sorts by what is to be preferred
	}
	now := time.Now()
	known := make(map[netip.Addr]*endpoint)
	for _, p := range e.all {
		if p.site == s {
			known[p.ip] = p
		}
	}
	told := make(map[netip.Addr]bool)
	for _, ip := range ips {
		ip = ip.Unmap()
		if known[ip] == nil {
			pace := backoff{least: s.whole.pace.least, most: s.whole.pace.most}
			known[ip] = &endpoint{host: s.whole.host, place: s.whole.place, pace: pace, site: s, ip: ip}
			e.add(known[ip])
		}
		told[ip] = true
	}
	for ip, p := range known {
		switch {
		case told[ip]:
			p.missing, p.gone = time.Time{}, false
		case p.missing.IsZero():
			p.missing, p.gone = now, p == s.whole
		default:
			p.gone = p.gone || now.Sub(p.missing) >= goneAfter
		}
	}
	e.all = slices.DeleteFunc(e.all, func(p *endpoint) bool { return p.gone && len(p.turns) == 0 })
	slices.SortFunc(e.all, func(a, b *endpoint) int {
		return cmp.Or(cmp.Compare(a.place, b.place), a.ip.Compare(b.ip))
	})
}

// changeFamilies makes sites go on with the addresses of the other family, if one of
// these is free: those of which no address in use works nor is free. While no address in
// use has ever worked, the two take turns, and an address of the other family that has
// comes first. The lock is held.
func (e *endpoints) changeFamilies(isFree func(*endpoint) bool, tried []*endpoint) {
	for _, s := range e.sites {
		hope, worked, other, back := false, false, false, false
		for _, p := range e.all {
			switch {
			case p.site != s || !p.missing.IsZero():
			case p.isOffered():
				hope = hope || isGood(p) || isFree(p)
				worked = worked || !p.workedAt.IsZero()
			default:
				other = other || isFree(p)
				back = back || isFree(p) && !p.workedAt.IsZero()
			}
		}
		n := len(tried)
		inVain := n > 0 && tried[n-1].site == s && tried[n-1].isOffered()
		if other && (!hope || !worked && (inVain || back)) {
			s.ipv4 = !s.ipv4
		}
	}
}

// isOffered reports whether new connections may be made to p.
func (p *endpoint) isOffered() bool {
	return p.missing.IsZero() && (!p.ip.IsValid() || p.ip.Is4() == p.site.ipv4)
}
