package replay

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/logstash/redis"
)

const wantRedis = "db=2, master=name (the hosts are sentinels), stream, stream=field, threshold=entries or replicas=many"

// redisOptions returns the options that --redis names, and which of these say where the events go.
func redisOptions(settings []string) (o redis.Options, where string, err error) {
	var errs []error
	var places, seen []string
	for _, s := range settings {
		name, value, given := strings.Cut(s, "=")
		wrong := func(want string) { errs = append(errs, fmt.Errorf("--redis %s: want %s", s, want)) }
		if slices.Contains(seen, name) {
			wrong(name + " once")
			continue
		}
		seen = append(seen, name)
		number := func(want string) int64 {
			n, err := strconv.ParseInt(value, 10, 32)
			if err != nil || n < 0 {
				wrong(name + " and " + want)
			}
			return n
		}
		switch name {
		case "db":
			if o.DB = int(number("the number of a database, as in db=2")); o.DB != 0 {
				places = append(places, s)
			}
		case "master":
			if o.MasterName = value; value == "" {
				wrong("the name that the sentinels know the master by, as in master=orders")
			}
			places = append(places, s)
		case "stream":
			if o.Stream, o.Field = true, value; given && value == "" {
				wrong("stream, or the field of its entries, as in stream=event")
			}
			places = append(places, s)
		case "threshold":
			o.CongestionThreshold = number("a number of entries, as in threshold=5000000")
		case "replicas":
			o.Replicas = int(number("a number of replicas, as in replicas=1"))
		default:
			wrong(wantRedis)
		}
	}
	slices.Sort(places)
	return o, strings.Join(places, ","), errors.Join(errs...)
}
