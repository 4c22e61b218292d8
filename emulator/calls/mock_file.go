package calls

import (
	"os"
	"sync"
	"time"
)

// MockFile is a mock configuration that follows its file. It is safe for concurrent use.
type MockFile struct {
	path   string
	notify func(error)

	mu     sync.Mutex
	seen   stamp
	config *MockConfig
}

// stamp is what a file looks like from outside.
type stamp struct {
	changed time.Time
	size    int64
	problem string // "" if the file could be looked at
}

func stampOf(path string) stamp {
	fi, err := os.Stat(path)
	if err != nil {
		return stamp{problem: err.Error()}
	}
	return stamp{changed: fi.ModTime(), size: fi.Size()}
}

// OpenMocks reads a mock configuration as [LoadMocks] does and follows the file from then
// on. notify, unless it is nil, is told nil whenever the file was read anew and an error
// when a changed file cannot be read; the configuration then stays as it was.
func OpenMocks(path string, notify func(error)) (*MockFile, error) {
	f := &MockFile{path: path, notify: notify, seen: stampOf(path)}
	var err error
	f.config, err = LoadMocks(path)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Config returns the configuration as it is in the file now. The file is read if its size
// or its time of modification is another one than when it was last read, or tried to be
// read. A change that leaves both as they were is not noticed.
func (f *MockFile) Config() *MockConfig {
	f.mu.Lock()
	now := stampOf(f.path)
	if now == f.seen {
		defer f.mu.Unlock()
		return f.config
	}
	// What is written while the file is read shows in the next stamp.
	f.seen = now
	c, err := LoadMocks(f.path)
	if err == nil {
		f.config = c
	} else {
		c = f.config
	}
	f.mu.Unlock()
	if f.notify != nil {
		f.notify(err)
	}
	return c
}

// Last returns the configuration as it was last read.
func (f *MockFile) Last() *MockConfig {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.config
}

// Use tells how the responses of a test case were used.
type Use struct {
	Machine, TestCase string
	Asked             bool     // at least one call was made under the test case
	Unused            []string // as [Responses.Unused]
	Missing           []string // as [Responses.Missing]
}

// Use tells how each test case was used since the configuration was read, in order.
func (c *MockConfig) Use() []Use {
	var uses []Use
	for _, m := range c.machines {
		for _, r := range m.cases {
			r.mu.Lock()
			asked := r.asked
			r.mu.Unlock()
			uses = append(uses, Use{Machine: m.name, TestCase: r.name, Asked: asked, Unused: r.Unused(), Missing: r.Missing()})
		}
	}
	return uses
}
