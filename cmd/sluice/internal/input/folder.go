package input

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/sluicelog/sluice/internal/logname"
)

// member is a file of a rotated set: the log file itself, or a backup of it.
type member struct {
	logname.Rotated // Time and Number are zero for the log file
	path            string
	names           []string // in the folder; two for a log file that is a backup too
	info            fs.FileInfo
}

// named reports whether the name of a backup stays what it is: a number does not.
func (m *member) named() bool { return !m.Time.IsZero() }

func (m *member) backup() bool { return m.named() || m.Number > 0 }

// live reports whether the name of the log file stands for m. A rotation gives it two names for a moment, and some programs
// have it be a link to a file with a date.
func (m *member) live() bool { return slices.Contains(m.names, m.Live) }

// memberOf says what the file called name is to which log file.
func memberOf(name string) logname.Rotated {
	if r, ok := logname.Parse(name); ok {
		return r
	}
	return logname.Rotated{Live: name, Plain: name}
}

// folder has some log files and their backups.
type folder struct {
	dir   string          // as it stands in front of a name, with its slash
	lives map[string]bool // the names of the log files
	plain map[string]bool // of them those that are no backups, whatever they are called
}

// memberOf says what the file called name is in the folder.
func (d *folder) memberOf(name string) logname.Rotated {
	if d.plain[name] {
		return logname.Rotated{Live: name, Plain: name}
	}
	return memberOf(name)
}

// only returns d with one of its log files.
func (d *folder) only(live string) *folder {
	return &folder{dir: d.dir, lives: map[string]bool{live: true}, plain: map[string]bool{live: d.plain[live]}}
}

// foreign reports whether it can be seen at once that the file called name belongs to none of the log files: there may be
// many others.
func (d *folder) foreign(name string) bool {
	if len(d.lives) > 10 {
		return false
	}
	for live := range d.lives {
		if base := strings.TrimSuffix(live, path.Ext(live)); strings.HasPrefix(name, base) {
			return false
		}
	}
	return true
}

// list returns the files that there are. Of a backup that is there plain and compressed it has the plain one, which is
// complete, and of a log file that has the name of a backup as well, the backup.
func (d *folder) list() ([]*member, error) {
	dir := d.dir
	if dir == "" {
		dir = "."
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, d.foreign)
	slices.Sort(names) // the plain one of two forms comes first
	var members []*member
	plain := make(map[string]bool)
	alike := make(map[identity][]*member)
	for _, name := range names {
		r := d.memberOf(name)
		if !d.lives[r.Live] || plain[r.Plain] {
			continue
		}
		m := &member{Rotated: r, path: d.dir + name, names: []string{name}}
		if m.info, err = os.Stat(m.path); err != nil || !m.info.Mode().IsRegular() {
			continue // gone meanwhile, or nothing to be read
		}
		plain[r.Plain] = true
		id := identityOf(m.info)
		if twin := slices.IndexFunc(alike[id], func(o *member) bool { return o.Live == m.Live && os.SameFile(o.info, m.info) }); twin >= 0 {
			other := alike[id][twin]
			m.names = append(m.names, other.names...)
			if m.backup() && !other.backup() {
				*other = *m
			}
			other.names = m.names
			continue
		}
		alike[id] = append(alike[id], m)
		members = append(members, m)
	}
	slices.SortStableFunc(members, func(a, b *member) int { return a.Compare(b.Rotated) })
	return members, nil
}

// held is a file of a set that is open, so that whatever becomes of its name does no harm.
type held struct {
	member
	file *os.File
	err  error // why it could not be opened
	seen bool  // in the last list
}

// placed reports whether it is known which backup h has become.
func (h *held) placed() bool { return h.backup() && (h.seen || h.named()) }

func (h *held) close() {
	if h.file != nil {
		_ = h.file.Close() // only read from
		h.file = nil
	}
}

const (
	// maxPasses is how often hold looks again while a program rotates its files all the time.
	maxPasses = 100
	// spare is how many files are closed again when no more can be opened.
	spare = 16
)

// hold opens the files that are there and not skipped, beside those that it is given. It looks until there is nothing new:
// what was the log file in one moment may be a backup in the next, and has to be read once. They are in
// the order in which they were written, of all sets together. It also returns what was there in the end.
func (d *folder) hold(have []*held, skip func(*member) bool, budget *int) (all []*held, there []*member, err error) {
	all = have
	byIdentity := make(map[identity][]*held)
	byName := make(map[string]bool)
	add := func(h *held) {
		if h.info != nil {
			id := identityOf(h.info)
			byIdentity[id] = append(byIdentity[id], h)
		}
		if h.named() {
			byName[h.Plain] = true
		}
	}
	for _, h := range have {
		add(h)
	}
	for range maxPasses {
		if there, err = d.list(); err != nil {
			for _, h := range all[len(have):] {
				h.close()
			}
			return nil, nil, err
		}
		for _, h := range all {
			h.seen = false
		}
		var unknown []*member
		for _, m := range there {
			same := byIdentity[identityOf(m.info)]
			if i := slices.IndexFunc(same, func(h *held) bool { return h.Live == m.Live && os.SameFile(h.info, m.info) }); i >= 0 {
				h := same[i]
				h.member, h.seen = *m, true
				if m.named() {
					byName[m.Plain] = true
				}
				continue
			}
			unknown = append(unknown, m)
		}
		changed := false
		for _, m := range unknown {
			if m.named() && byName[m.Plain] || skip(m) {
				continue
			}
			h, gone := m.hold(budget)
			if errors.Is(h.err, syscall.EMFILE) || errors.Is(h.err, syscall.ENFILE) {
				*budget, h.err = 0, nil
				for _, h := range all[max(len(have), len(all)-spare):] {
					h.close()
				}
			}
			changed = true
			if !gone {
				h.seen = true
				all = append(all, h)
				add(h)
			}
		}
		if !changed {
			break
		}
	}
	all = unite(all)
	slices.SortStableFunc(all, func(a, b *held) int { return a.Compare(b.Rotated) })
	return all, there, nil
}

// hold opens m, unless there is another file by its name or none. When too many files are open it
// leaves that for later.
func (m *member) hold(budget *int) (h *held, gone bool) {
	h = &held{member: *m}
	if *budget == 0 {
		return h, false
	}
	h.file, h.err = os.Open(m.path)
	if errors.Is(h.err, fs.ErrNotExist) {
		return h, true
	}
	if h.err != nil {
		return h, false
	}
	info, err := h.file.Stat()
	if err != nil || !os.SameFile(info, m.info) {
		h.close()
		return h, true
	}
	*budget--
	return h, false
}

// unite takes out what was compressed while it was open: the compressed form, which has the same content.
func unite(all []*held) []*held {
	for _, h := range all {
		if h.seen || h.named() || h.file == nil {
			continue
		}
		for i, c := range all {
			if c != h && c.Live == h.Live && c.backup() && c.file != nil && holds(c.file, h.file) {
				h.Rotated, h.seen = c.Rotated, true
				c.close()
				return unite(slices.Delete(slices.Clone(all), i, i+1))
			}
		}
	}
	return all
}

// holds reports whether what is compressed in c is what p holds.
func holds(c, p *os.File) bool {
	f := formatOf(c)
	if !f.compressed() {
		return false
	}
	var d decoder
	defer d.close()
	from, err := d.reset(f, io.NewSectionReader(c, 0, 1<<62))
	if err != nil {
		return false
	}
	want := bufio.NewReaderSize(io.NewSectionReader(p, 0, 1<<62), rawSize)
	a, b := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, err := io.ReadFull(from, a)
		m, _ := io.ReadFull(want, b[:n])
		if n != m || !bytes.Equal(a[:n], b[:n]) {
			return false
		}
		if err != nil {
			_, more := want.ReadByte()
			return errors.Is(more, io.EOF)
		}
	}
}
