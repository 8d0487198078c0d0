package rotate

import (
	"math"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"
)

// engines holds the lumberjack Loggers that are not in use.
//
//nolint:gochecknoglobals // Logger.Close leaves a goroutine behind: only sharing the Loggers bounds their number
var engines freeList

// freeList keeps closed Loggers for reuse. A Logger starts a goroutine at its
// first open and has no way to end it, so a program that opens and closes
// files all day would collect goroutines without end. With the list it has no
// more of them than it had Loggers open at once.
//
// The goroutine reads MaxBackups, MaxAge and Compress without a lock, and does
// nothing while all three are zero. So those are never set, and Filename is set
// only while the Logger is closed.
type freeList struct {
	mu   sync.Mutex
	idle []*lumberjack.Logger
}

// get returns a closed Logger for path that never rotates.
func (l *freeList) get(path string) *lumberjack.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	engine := &lumberjack.Logger{MaxSize: maxMegabytes}
	if last := len(l.idle) - 1; last >= 0 {
		engine, l.idle[last], l.idle = l.idle[last], nil, l.idle[:last]
	}
	engine.Filename = path
	return engine
}

// put closes engine and keeps it for the next get.
func (l *freeList) put(engine *lumberjack.Logger) error {
	err := engine.Close() // the Logger lets go of the file even if this fails
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, engine)
	return err
}

// maxMegabytes is the largest MaxSize that lumberjack can turn into bytes.
const maxMegabytes int = min(math.MaxInt64>>20, math.MaxInt)
