package thirdparty_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	gormlogger "gorm.io/gorm/logger"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// TestGormNeedsParameterizedQueries shows that a secret without a name beside it is
// only kept out of a statement by gorm itself.
func TestGormNeedsParameterizedQueries(t *testing.T) {
	for _, parameterized := range []bool{true, false} {
		var lines testlog.Buffer
		h := redact.NewHandler(handler.NewJSONHandler(&lines, nil), nil)
		db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{
			Logger: gormlogger.NewSlogLogger(slog.New(h), gormlogger.Config{LogLevel: gormlogger.Info, ParameterizedQueries: parameterized}),
		})
		if err != nil {
			t.Fatal(err)
		}
		pool, err := db.DB()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pool.Close() })
		if err := errors.Join(db.AutoMigrate(&account{}), db.Create(&account{Name: "bob", Password: secret}).Error); err != nil {
			t.Error(err)
		}
		if strings.Contains(lines.String(), secret) == parameterized {
			t.Errorf("parameterized %v: the secret is there %v", parameterized, !parameterized)
		}
	}
}

type account struct {
	ID       int
	Name     string
	Password string
}

// TestGorm works on a database of SQLite, with and without the values in the statements.
func TestGorm(t *testing.T) {
	p := newPipeline(t, slog.LevelInfo)
	testlog.CheckGoroutines(t, "database/sql")
	config := gormlogger.Config{LogLevel: gormlogger.Info, SlowThreshold: time.Minute, ParameterizedQueries: true}
	logger := slog.New(p).WithGroup("gorm").With("db", "accounts")
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "accounts.db")), &gorm.Config{
		Logger: gormlogger.NewSlogLogger(logger, config),
	})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	if err := db.AutoMigrate(&account{}); err != nil {
		t.Fatal(err)
	}
	p.take(t, inOrder)
	if err := db.Create(&account{Name: "bob", Password: secret}).Error; err != nil {
		t.Error(err)
	}
	var a account
	if err := db.First(&a, "name = ?", "eve").Error; err == nil {
		t.Error("no error")
	}
	config.ParameterizedQueries = false
	config.SlowThreshold = 1
	db.Logger = gormlogger.NewSlogLogger(logger, config)
	if err := db.First(&a, "password = ? and name = ?", secret, "bob").Error; err != nil {
		t.Error(err)
	}
	db.Logger.Warn(t.Context(), "careful", "password="+secret, account{Password: secret})
	p.check(t, []string{
		"{\"level\":\"INFO\",\"source\":\"caller gorm_test.go\",\"msg\":\"SQL executed\",\"gorm\":{\"db\":\"accounts\",\"trace\":{\"duration\":\"0ms\",\"sql\":\"INSERT INTO `accounts` (`name`,`password`) VALUES (?,?) RETURNING `id`\",\"rows\":1}}}",
		"{\"level\":\"ERROR\",\"source\":\"caller gorm_test.go\",\"msg\":\"SQL executed\",\"gorm\":{\"db\":\"accounts\",\"trace\":{\"duration\":\"0ms\",\"sql\":\"SELECT * FROM `accounts` WHERE name = ? ORDER BY `accounts`.`id` LIMIT 1\",\"rows\":0,\"error\":\"record not found\"}}}",
		"{\"level\":\"WARN\",\"source\":\"caller gorm_test.go\",\"msg\":\"SQL executed\",\"gorm\":{\"db\":\"accounts\",\"trace\":{\"duration\":\"0ms\",\"sql\":\"SELECT * FROM `accounts` WHERE password = \\\"[REDACTED]\\\" and name = \\\"bob\\\" ORDER BY `accounts`.`id` LIMIT 1\",\"rows\":1}}}",
		`{"level":"WARN","source":"caller gorm_test.go","msg":"careful","gorm":{"db":"accounts",` +
			`"data":["password=[REDACTED]",{"ID":0,"Name":"","Password":"[REDACTED]"}]}}`,
	}, `"duration":"[\d.]+ms"`, `"duration":"0ms"`)
}
