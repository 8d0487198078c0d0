module github.com/sluicelog/sluice/e2e

go 1.26.0

replace github.com/sluicelog/sluice => ../

require (
	github.com/elastic/go-lumber v0.2.0
	github.com/sluicelog/sluice v0.0.0-00010101000000-000000000000
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/robfig/cron/v3 v3.0.1 // indirect
	golang.org/x/sys v0.49.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.2.1 // indirect
)
