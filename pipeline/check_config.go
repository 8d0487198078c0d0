package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/redact"
)

// general returns what is to be looked at for the whole.
func (c *checker) general() []look {
	plain := func(what string, at func(*report)) look {
		return look{"", what, func(_ context.Context, r *report) { at(r) }}
	}
	return []look{
		plain("environment", c.environment),
		plain("user", c.user),
		plain("levels", c.levels),
		plain("redaction", c.redaction),
		plain("monitoring", c.monitoring),
		plain("clock", c.clock),
	}
}

// configuration completes cfg, and reports what is wrong with it.
func (c *checker) configuration(cfg Config, r *report) {
	done, err := cfg.complete()
	c.cfg = done
	if err == nil {
		types := make([]string, 0, len(done.Sinks))
		for i := range done.Sinks {
			types = append(types, done.Sinks[i].Type.String())
		}
		r.pass("configuration", "complete, and without contradictions: "+strings.Join(types, ", "))
		return
	}
	c.wrong = true
	for _, err := range flatten(err) {
		r.fail("configuration", strings.TrimPrefix(err.Error(), "pipeline: "), "correct it: Open refuses it")
	}
}

// refuse reports what Open refuses, unless the configuration's mistakes have it.
func (c *checker) refuse(what, detail string, r *report) {
	if !c.wrong {
		r.fail(what, detail, "correct it: Open refuses it")
	}
}

// environment looks at the variables that FromEnv reads, whether the Config is from
// there or not.
func (c *checker) environment(r *report) {
	var set []string
	for _, v := range c.environ {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "LOG_") && value != "" {
			set = append(set, name)
		}
	}
	slices.Sort(set)
	_, err := FromEnv(c.getenv)
	if err != nil {
		for _, err := range flatten(err) {
			r.fail("environment", strings.TrimPrefix(err.Error(), "pipeline: "), "correct or unset it: FromEnv refuses it")
		}
	}
	unknown := UnknownEnv(c.environ)
	for _, text := range unknown {
		r.warn("environment", strings.TrimPrefix(text, "pipeline: "), "correct its name, or unset it")
	}
	c.configFile(r)
	switch {
	case len(r.findings) > 0:
	case len(set) == 0:
		r.pass("environment", "no variable LOG_* is set")
	default:
		r.pass("environment", strings.Join(set, ", ")+": known, with values that can be")
	}
}

// configFile looks at the file that LOG_CONFIG names, if there may be a password in it.
func (c *checker) configFile(r *report) {
	path := c.getenv("LOG_CONFIG")
	secret := slices.ContainsFunc(c.cfg.Sinks, func(s Sink) bool { return strings.Contains(s.Addr, "@") })
	if path == "" || !secret {
		return
	}
	if info, err := os.Stat(path); err == nil && modes && info.Mode().Perm()&0o004 != 0 {
		r.warn("configuration file "+path,
			"an address has a password in it, and every user may read the file: "+belongs(info),
			"run: chmod o-rwx "+shellWord(path))
	}
}

// user says what is wrong with looking as root.
func (c *checker) user(r *report) {
	if isRoot() {
		r.warn("user", "this is root, which may read and write everything: the user that the program runs as may not",
			"run the check as that user, as with: sudo -u appuser")
		return
	}
	r.pass("user", "looked at as "+whoami())
}

// levels looks for errors that go nowhere.
func (c *checker) levels(r *report) {
	var takes []string
	for i := range c.cfg.Sinks {
		s := &c.cfg.Sinks[i]
		if s.Level.Level() <= slog.LevelError && matchesAll(s.Match) && s.Type != Audit {
			takes = append(takes, s.Name)
		}
	}
	if len(takes) == 0 {
		r.warn("levels", "no sink takes every record at ERROR", "give one of them level ERROR or below, and no match")
		return
	}
	r.pass("levels", "records at ERROR go to "+strings.Join(takes, ", "))
	if !slices.ContainsFunc(c.cfg.Sinks, func(s Sink) bool { return s.Type == Console }) && c.container(c.getenv) {
		r.warn("console", "this is a container, whose platform collects what is printed, and no sink prints",
			`add a sink of type "console"`)
	}
}

// matchesAll reports whether a Match leaves a sink all records.
func matchesAll(m Match) bool { return reflect.ValueOf(m).IsZero() }

// level looks at what a sink's level lets through.
func (c *checker) level(s *Sink, r *report) {
	level := s.Level.Level()
	switch {
	case s.Type == Audit || !matchesAll(s.Match):
		r.pass("level", "takes what matches, from "+levelName(level)+" up")
	case level < slog.LevelInfo:
		r.warn("level", levelName(level)+": every detail, which costs time and space, and may tell more than it should",
			"in production, set level to INFO or above")
	case level > slog.LevelError:
		r.warn("level", levelName(level)+": ERROR is left out here", "set level to ERROR or below")
	default:
		r.pass("level", levelName(level))
	}
}

// levelName returns what a level is called.
func levelName(l slog.Level) string {
	if l < -1<<20 { // what a sink with a Match has
		return "the lowest level"
	}
	return handler.LevelName(l)
}

// redaction plants secrets, and looks whether they come out.
func (c *checker) redaction(r *report) {
	if c.cfg.Redaction.Off {
		r.warn("redaction", "off: passwords and tokens are written as they come", "set redaction.off to false")
		return
	}
	opts := c.cfg.redactOptions()
	opts.OnRedact, opts.OnError = nil, nil // nothing is logged
	redactor, err := redact.New(&opts)
	if err != nil {
		c.refuse("redaction", strings.TrimPrefix(err.Error(), "redact: "), r)
		return
	}
	const planted = "Kq7vX2mN9pRt"
	var leaks []string
	for _, text := range []string{"password=%s", "secret=%s", "api_key=%s", "Authorization: Bearer %s", "postgres://app:%s@db/app"} {
		if strings.Contains(redactor.String(fmt.Sprintf(text, planted)), planted) {
			leaks = append(leaks, strings.Replace(text, "%s", "...", 1))
		}
	}
	switch weak := weakened(&opts); {
	case len(leaks) > 0:
		r.warn("redaction", "does not mask "+strings.Join(leaks, ", "), "switch the rules for them on again, see redact.DefaultRules")
	case len(weak) > 0:
		r.warn("redaction", "on, but not for all that it knows: "+strings.Join(weak, "; "), "make sure that these hold no secret")
	default:
		r.pass("redaction", "on: passwords, keys, tokens and the like are masked in every sink")
	}
}

// weakened says what the options leave out.
func weakened(o *redact.Options) []string {
	var weak []string
	if o.NoDefaults {
		weak = append(weak, "no default rules")
	}
	if len(o.Disable) > 0 {
		weak = append(weak, "rules off: "+strings.Join(o.Disable, ", "))
	}
	if len(o.AllowKeys) > 0 {
		weak = append(weak, "keys allowed: "+strings.Join(o.AllowKeys, ", "))
	}
	return weak
}

// monitoring looks whether the logs say how they are doing.
func (c *checker) monitoring(r *report) {
	volume, health := time.Duration(c.cfg.VolumeInterval), time.Duration(c.cfg.HealthInterval)
	if least := min(cmp.Or(volume, time.Hour), cmp.Or(health, time.Hour)); least < 10*time.Second {
		r.warn("monitoring", fmt.Sprintf("a record every %v tells more than anybody reads", least),
			`set volume_interval and health_interval to a minute or more, as in "5m"; a bare number is milliseconds`)
	}
	switch {
	case health > 0 && volume > 0:
		r.pass("monitoring", fmt.Sprintf("health is logged every %v, the volume every %v", health, volume))
	case health > 0:
		r.pass("monitoring", fmt.Sprintf("health is logged every %v", health))
	case volume > 0:
		r.warn("monitoring", fmt.Sprintf("the volume is logged every %v, but not how the sinks are doing", volume),
			`set health_interval, as in "5m", or serve the pipeline's Monitor at /healthz`)
	default:
		r.warn("monitoring", "no record says how much is logged and how the sinks are doing",
			`set health_interval, as in "5m", or serve the pipeline's Monitor at /healthz, and alert on it`)
	}
}

// clock looks whether the time can be right.
func (c *checker) clock(r *report) {
	now := time.Now()
	name, _ := now.Zone()
	detail := fmt.Sprintf("it is %s, zone %s", now.UTC().Format(time.RFC3339), name)
	built := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) // no earlier, this was written later
	from := "this package"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if at, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				built, from = at, "this program"
			}
		}
	}
	const sync = "set the clock, and keep it right: run: timedatectl set-ntp true"
	switch {
	case now.Before(built.Add(-24 * time.Hour)):
		r.fail("clock", detail+": that is before "+from+" was made, on "+built.UTC().Format(time.DateOnly), sync)
	case now.Sub(built) > 20*365*24*time.Hour:
		r.warn("clock", detail+": that is long after "+from+" was made, on "+built.UTC().Format(time.DateOnly), sync)
	default:
		r.pass("clock", detail)
	}
	if zone := c.getenv("TZ"); zone != "" && !strings.HasPrefix(zone, ":") && !strings.HasPrefix(zone, "/") {
		if _, err := time.LoadLocation(zone); err != nil {
			r.warn("clock", fmt.Sprintf("TZ is %q, which this machine does not know: schedules go by UTC", zone),
				"correct it, or install the time zones, such as the package tzdata")
		}
	}
}
