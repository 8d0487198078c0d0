package monitor

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/sluicelog/sluice/internal/panics"
)

// A refusal is the answer to a request that gets nothing else.
type refusal struct {
	status int
	text   string
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status, "monitor: " + fmt.Sprintf(format, args...)}
}

func (f *refusal) send(w http.ResponseWriter) { http.Error(w, f.text, f.status) }

// refusal returns why a request is refused, whatever it asks for.
func (p *Page) refusal(r *http.Request) *refusal {
	allowed, err := p.allows(r)
	switch {
	case err != nil:
		return refuse(http.StatusInternalServerError, "%v", err)
	case !allowed:
		return refuse(http.StatusForbidden, "you may not see this page. By default it is for requests from this machine alone, "+
			"sent to localhost and not by way of a proxy: set PageOptions.Allow to let others in")
	}
	// A link to the page may stand anywhere. All else is for the page itself.
	site, query := r.Header.Get("Sec-Fetch-Site"), r.URL.Query()
	link := r.Header.Get("Sec-Fetch-Mode") == "navigate" && !query.Has("events") && !query.Has("state")
	if foreign := site == "cross-site" || site == "same-site"; foreign && !link {
		return refuse(http.StatusForbidden, "the request comes from another site")
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return refuse(http.StatusForbidden, "the request comes from another site: %v", err)
	}
	return nil
}

// allows asks PageOptions.Allow.
func (p *Page) allows(r *http.Request) (ok bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			ok, err = false, fmt.Errorf("PageOptions.Allow panics: %s", panics.Text(v))
		}
	}()
	return p.opts.Allow(r), nil
}

// fromThisMachine reports whether a request was sent by a program on this machine
// that meant this machine. A web site can give its own name a loopback address, but
// then that name is the host.
func fromThisMachine(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if _, ok := r.Header[header]; ok {
			return false
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && isLoopback(from.Addr()) && isLocalHost(r.Host)
}

func isLoopback(addr netip.Addr) bool { return addr.Unmap().IsLoopback() }

// isLocalHost reports whether a Host header names this machine.
func isLocalHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && isLoopback(addr)
}
