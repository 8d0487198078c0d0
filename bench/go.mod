module github.com/sluicelog/sluice/bench

go 1.26.0

replace github.com/sluicelog/sluice => ../

// slog-logstash requires it for its examples alone, and nothing here needs it.
exclude github.com/samber/go-tcp-pool v1.0.2

require (
	github.com/PumpkinSeed/slog-context v0.1.2
	github.com/charmbracelet/log v1.0.0
	github.com/elastic/go-lumber v0.2.0
	github.com/golang-cz/devslog v0.0.17
	github.com/google/go-cmp v0.7.0
	github.com/m-mizutani/masq v0.2.1
	github.com/muesli/termenv v0.16.0
	github.com/phuslu/log v1.0.121
	github.com/redis/go-redis/v9 v9.23.0
	github.com/rs/zerolog v1.35.1
	github.com/samber/slog-formatter v1.3.0
	github.com/samber/slog-logstash/v2 v2.6.4
	github.com/samber/slog-multi v1.8.0
	github.com/sluicelog/sluice v0.0.0-00010101000000-000000000000
	github.com/sluicelog/sluice/logstash/kafka v0.0.0-00010101000000-000000000000
	github.com/sluicelog/sluice/logstash/redis v0.0.0-00010101000000-000000000000
	github.com/tidwall/wal v1.2.1
	github.com/twmb/franz-go v1.22.2
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c
	github.com/veqryn/slog-dedup v0.6.0
	go.uber.org/zap v1.28.0
	go.uber.org/zap/exp v0.3.0
)

require (
	github.com/aymanbagabas/go-osc52/v2 v2.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/charmbracelet/colorprofile v0.2.3-0.20250311203215-f60798e515dc // indirect
	github.com/charmbracelet/lipgloss v1.1.0 // indirect
	github.com/charmbracelet/x/ansi v0.8.0 // indirect
	github.com/charmbracelet/x/cellbuf v0.0.13-0.20250311204145-2c3ea96c31dd // indirect
	github.com/charmbracelet/x/term v0.2.1 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/go-logfmt/logfmt v0.6.1 // indirect
	github.com/lucasb-eyer/go-colorful v1.2.0 // indirect
	github.com/mattn/go-runewidth v0.0.16 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/robfig/cron/v3 v3.0.1 // indirect
	github.com/tidwall/gjson v1.10.2 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.0 // indirect
	github.com/tidwall/tinylru v1.1.0 // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.0 // indirect
	github.com/xo/terminfo v0.0.0-20220910002029-abceb7e1c41e // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/exp v0.0.0-20231006140011-7918f672742d // indirect
	modernc.org/b/v2 v2.1.2 // indirect
)

require (
	github.com/DeRuina/timberjack v1.4.9
	github.com/klauspost/compress v1.20.3
	github.com/lmittmann/tint v1.2.1
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/samber/lo v1.53.0 // indirect
	github.com/samber/slog-common v0.21.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	golang.org/x/sys v0.49.0
	golang.org/x/text v0.22.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.2.1
)

replace github.com/sluicelog/sluice/logstash/kafka => ../logstash/kafka

replace github.com/sluicelog/sluice/logstash/redis => ../logstash/redis
