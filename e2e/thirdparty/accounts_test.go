package thirdparty_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	gormtests "gorm.io/gorm/utils/tests"
)

// An account is a row of the table accounts.
type account struct {
	ID       int
	Name     string
	Password string
}

// accounts returns a dialector for gorm on a database of its own.
func accounts(t *testing.T) gorm.Dialector {
	t.Helper()
	pool := sql.OpenDB(database{})
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return dialect{pool: pool}
}

// A dialect is that of gorm's own tests, for the database behind a pool.
type dialect struct {
	gormtests.DummyDialector

	pool *sql.DB
}

func (d dialect) Initialize(db *gorm.DB) error {
	db.ConnPool = d.pool
	return d.DummyDialector.Initialize(db)
}

// slow is how long a database searches before it finds something.
const slow = 2 * time.Millisecond

// A database has the table accounts with bob in it, and knows as much of SQL as it
// takes: it inserts, selects the account of a name, can "select 1", and calls
// everything else an error. It is its own connection to itself.
type database struct{}

func (d database) Driver() driver.Driver                         { return d }
func (d database) Open(string) (driver.Conn, error)              { return d, nil }
func (d database) Connect(context.Context) (driver.Conn, error)  { return d, nil }
func (d database) Close() error                                  { return nil }
func (d database) Begin() (driver.Tx, error)                     { return d, nil }
func (d database) Commit() error                                 { return nil }
func (d database) Rollback() error                               { return nil }
func (d database) Prepare(statement string) (driver.Stmt, error) { return nil, noTable(statement) }

func (d database) ExecContext(_ context.Context, statement string, _ []driver.NamedValue) (driver.Result, error) {
	if statement != "select 1" {
		return nil, noTable(statement)
	}
	return driver.RowsAffected(0), nil
}

func (d database) QueryContext(_ context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	switch {
	case strings.HasPrefix(statement, "INSERT INTO `accounts` ") && strings.HasSuffix(statement, " RETURNING `id`"):
		return &rows{columns: []string{"id"}, values: [][]driver.Value{{int64(2)}}}, nil
	case strings.HasPrefix(statement, "SELECT * FROM `accounts` "):
		found := &rows{columns: []string{"id", "name", "password"}}
		for _, arg := range args {
			if arg.Value == "bob" {
				<-time.After(slow)
				found.values = [][]driver.Value{{int64(1), "bob", secret}}
			}
		}
		return found, nil
	}
	return nil, noTable(statement)
}

// noTable returns an error with the statement in it, as those of databases are.
func noTable(statement string) error {
	return errors.New("no such table: " + statement)
}

// rows are what is left of the answer to a query.
type rows struct {
	columns []string
	values  [][]driver.Value
}

func (r *rows) Columns() []string { return r.columns }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if len(r.values) == 0 {
		return io.EOF
	}
	copy(dest, r.values[0])
	r.values = r.values[1:]
	return nil
}
