package thirdparty_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

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
		db, err := gorm.Open(accounts(t), &gorm.Config{
			Logger: gormlogger.NewSlogLogger(slog.New(h), gormlogger.Config{LogLevel: gormlogger.Info, ParameterizedQueries: parameterized}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Create(&account{Name: "alice", Password: secret}).Error; err != nil {
			t.Error(err)
		}
		if n := strings.Count(lines.String(), "INSERT INTO"); n != 1 {
			t.Errorf("parameterized %v: %d statements, want 1", parameterized, n)
		}
		if strings.Contains(lines.String(), secret) == parameterized {
			t.Errorf("parameterized %v: the secret is there %v", parameterized, !parameterized)
		}
	}
}

// TestGorm works on a database, with and without the values in the statements.
func TestGorm(t *testing.T) {
	p := newPipeline(t, slog.LevelInfo)
	testlog.CheckGoroutines(t)
	config := gormlogger.Config{LogLevel: gormlogger.Info, SlowThreshold: time.Minute, ParameterizedQueries: true}
	logger := slog.New(p).WithGroup("gorm").With("db", "accounts")
	db, err := gorm.Open(accounts(t), &gorm.Config{Logger: gormlogger.NewSlogLogger(logger, config)})
	if err != nil {
		t.Fatal(err)
	}
	alice := account{Name: "alice", Password: secret}
	if err := db.Create(&alice).Error; err != nil || alice.ID != 2 {
		t.Errorf("id %d, error %v", alice.ID, err)
	}
	var a account
	if err := db.First(&a, "name = ?", "eve").Error; !errors.Is(err, gorm.ErrRecordNotFound) {
		t.Errorf("error %v", err)
	}
	if err := db.Exec("delete from users where password = ?", secret).Error; err == nil {
		t.Error("no error")
	}
	config.ParameterizedQueries = false
	config.SlowThreshold = slow / 2
	db.Logger = gormlogger.NewSlogLogger(logger, config)
	if err := db.First(&a, "password = ? and name = ?", secret, "bob").Error; err != nil || a.Password != secret {
		t.Errorf("account %d, error %v", a.ID, err)
	}
	db.Logger.Warn(t.Context(), "careful", "password="+secret, account{Password: secret})
	p.check(t, []string{
		"{\"level\":\"INFO\",\"source\":\"caller gorm_test.go\",\"msg\":\"SQL executed\",\"gorm\":{\"db\":\"accounts\",\"trace\":{\"duration\":\"0ms\",\"sql\":\"INSERT INTO `accounts` (`name`,`password`) VALUES (?,?) RETURNING `id`\",\"rows\":1}}}",
		"{\"level\":\"ERROR\",\"source\":\"caller gorm_test.go\",\"msg\":\"SQL executed\",\"gorm\":{\"db\":\"accounts\",\"trace\":{\"duration\":\"0ms\",\"sql\":\"SELECT * FROM `accounts` WHERE name = ? ORDER BY `accounts`.`id` LIMIT ?\",\"rows\":0,\"error\":\"record not found\"}}}",
		`{"level":"ERROR","source":"caller gorm_test.go","msg":"SQL executed","gorm":{"db":"accounts","trace":{"duration":"0ms",` +
			`"sql":"delete from users where password = ?","rows":0,"error":"no such table: delete from users where password = ?"}}}`,
		"{\"level\":\"WARN\",\"source\":\"caller gorm_test.go\",\"msg\":\"SQL executed\",\"gorm\":{\"db\":\"accounts\",\"trace\":{\"duration\":\"0ms\",\"sql\":\"SELECT * FROM `accounts` WHERE password = \\\"[REDACTED]\\\" and name = \\\"bob\\\" ORDER BY `accounts`.`id` LIMIT 1\",\"rows\":1}}}",
		`{"level":"WARN","source":"caller gorm_test.go","msg":"careful","gorm":{"db":"accounts",` +
			`"data":["password=[REDACTED]",{"ID":0,"Name":"","Password":"[REDACTED]"}]}}`,
	}, `"duration":"[\d.]+ms"`, `"duration":"0ms"`)
}
