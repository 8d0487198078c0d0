package logstash

import "time"

// NewHTTP returns the Transport that Dial makes for an address of http.
func NewHTTP(addr string, opts *DialOptions) (Transport, error) {
	to, err := parseAddr(addr)
	if err != nil {
		return nil, err
	}
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	var files *tlsFiles
	if to.secure {
		if files, err = newTLSFiles(&o); err != nil {
			return nil, err
		}
	}
	return newHTTP(newEndpoints(to.hosts, &o), to, files, &o)
}

// RetryTime and Clean are what stands between a receiver and the user.
func RetryTime(value, date string, now time.Time) time.Duration { return retryTime(value, date, now) }

// Clean makes a text fit for an error.
func Clean(s string) string { return clean(s) }

// What an error of a Transport says to the Shipper.
func IsStale(err error) bool { return isStale(err) }

func IsDeath(err error) bool { return isDeath(err) }

func SentNothing(err error) bool { return sentNothing(err) }

// Resent is what the Shipper adds to Stats.Resent.
func (h *httpInput) Resent() uint64 { return h.resent() }
