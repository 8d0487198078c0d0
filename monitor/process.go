package monitor

import (
	"math"
	"os"
	"runtime/metrics"
	"sync"
	"time"
)

// Process is how the process is doing.
type Process struct {
	PID        int           `json:"pid"`
	Uptime     time.Duration `json:"uptime_ns"` // since NewHandler
	Goroutines uint64        `json:"goroutines"`
	GOMAXPROCS uint64        `json:"gomaxprocs"`

	HeapBytes   uint64 `json:"heap_bytes"`             // of objects, those that are garbage already included
	TotalBytes  uint64 `json:"total_bytes"`            // that the Go runtime has from the operating system
	MemoryLimit uint64 `json:"memory_limit,omitempty"` // GOMEMLIMIT; 0 is none

	// CPU is the time that all threads have run, in the kernel and outside. Where
	// the system does not say, it is an estimate of when the last garbage
	// collection ended.
	CPU time.Duration `json:"cpu_ns"`

	// CPUPercent is what CPU grew by, of the time since NewHandler or, if there was
	// one, a Health a second ago at least: 100 is one core. In the first second, which
	// is that of a program that starts, it is 0.
	CPUPercent float64 `json:"cpu_percent"`

	// GCPercent is how much of the CPU time there was for this process garbage
	// collection has used, until the last one ended.
	GCPercent float64 `json:"gc_percent"`
}

const (
	goroutines  = "/sched/goroutines:goroutines"
	gomaxprocs  = "/sched/gomaxprocs:threads"
	heapBytes   = "/memory/classes/heap/objects:bytes"
	totalBytes  = "/memory/classes/total:bytes"
	memoryLimit = "/gc/gomemlimit:bytes"
	gcCPU       = "/cpu/classes/gc/total:cpu-seconds"
	idleCPU     = "/cpu/classes/idle:cpu-seconds"
	totalCPU    = "/cpu/classes/total:cpu-seconds"
)

// usage remembers how much CPU time there was at two earlier looks.
type usage struct {
	mu          sync.Mutex
	older, last spent
}

type spent struct {
	at  time.Time
	cpu time.Duration
}

// init notes what was used before start.
func (u *usage) init(start time.Time) {
	cpu, _ := cpuTime()
	u.last = spent{start, cpu}
	u.older = u.last
}

// readProcess reads what the runtime and the system say, all but what takes two
// readings.
func readProcess() Process {
	v := readMetrics(goroutines, gomaxprocs, heapBytes, totalBytes, memoryLimit, gcCPU, idleCPU, totalCPU)
	p := Process{
		PID:        os.Getpid(),
		Goroutines: uint64(v[goroutines]),
		GOMAXPROCS: uint64(v[gomaxprocs]),
		HeapBytes:  uint64(v[heapBytes]),
		TotalBytes: uint64(v[totalBytes]),
	}
	if v[memoryLimit] < math.MaxInt64 {
		p.MemoryLimit = uint64(v[memoryLimit])
	}
	if v[totalCPU] > 0 {
		p.GCPercent = 100 * v[gcCPU] / v[totalCPU]
	}
	var known bool
	if p.CPU, known = cpuTime(); !known {
		p.CPU = time.Duration((v[totalCPU] - v[idleCPU]) * float64(time.Second))
	}
	return p
}

// readMetrics reads metrics of the runtime. One that it does not have is 0.
func readMetrics(names ...string) map[string]float64 {
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples)
	values := make(map[string]float64, len(names))
	for _, s := range samples {
		switch s.Value.Kind() {
		case metrics.KindUint64:
			values[s.Name] = float64(s.Value.Uint64())
		case metrics.KindFloat64:
			values[s.Name] = s.Value.Float64()
		default:
		}
	}
	return values
}

// process returns how the process is doing now.
func (s *shared) process(now time.Time) Process {
	p := readProcess()
	p.Uptime = now.Sub(s.start)
	p.CPUPercent = s.lookout.usage.percent(now, p.CPU)
	return p
}

// percent returns how much of one core was used since a look that is a second ago
// or more, so that one who looks often takes nothing from another.
func (u *usage) percent(now time.Time, cpu time.Duration) float64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now.Sub(u.last.at) >= time.Second {
		u.older, u.last = u.last, spent{now, cpu}
	}
	span := now.Sub(u.older.at)
	if span < time.Second {
		return 0
	}
	return max(0, 100*float64(cpu-u.older.cpu)/float64(span))
}
