package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/report"
	"github.com/sfnkit/sfnkit/asl/template"
)

// candidate is a file to look into.
type candidate struct {
	path       string
	named      bool // as an argument
	mayBeOther bool // it need not hold a state machine
}

// candidates returns the files that the arguments mean, without repetition, in the order
// of the arguments.
func candidates(args []string, config *settings) ([]candidate, error) {
	var files []candidate
	seen := map[string]bool{}
	add := func(path string, named bool) {
		if !seen[path] {
			seen[path] = true
			files = append(files, candidate{path, named, !named})
		}
	}
	for _, arg := range args {
		if arg == "-" {
			add(arg, true)
			continue
		}
		paths := []string{arg}
		if _, err := os.Stat(arg); err != nil {
			matches, globErr := filepath.Glob(arg)
			if globErr != nil || len(matches) == 0 {
				return nil, plain(err)
			}
			paths = matches
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil {
				return nil, plain(err)
			}
			if !info.IsDir() {
				if !config.excludes(path) {
					add(path, true)
				}
				continue
			}
			if err := walk(path, config, func(file string) { add(file, false) }); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// walk calls add for all files below a folder whose names do not rule them out.
func walk(dir string, config *settings, add func(file string)) error {
	// The separator lets a symbolic link to a folder be followed.
	root := dir + string(filepath.Separator)
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return plain(err)
		}
		if d.IsDir() {
			if path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || config.excludes(path)) {
				return filepath.SkipDir
			}
			return nil
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".json", ".yaml", ".yml", ".asl", ".tf", ".template":
			if d.Type().IsRegular() && !config.excludes(path) {
				add(path)
			}
		}
		return nil
	})
}

// result is what one file gave.
type result struct {
	machines []report.Machine
	found    bool     // it holds a state machine, or should
	others   []string // definition files that a template names
	whole    bool     // it is a definition
}

// checkAll looks into all files, several at once.
func checkAll(files []candidate, config *settings, stdin io.Reader, p *progress) []result {
	results := make([]result, len(files))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				results[i] = checkFile(files[i], config, stdin)
				p.step()
			}
		}()
	}
	wg.Wait()
	p.end()
	return results
}

func checkFile(c candidate, config *settings, stdin io.Reader) result {
	text, err := readFile(c.path, stdin)
	if err != nil {
		return result{found: true, machines: []report.Machine{{File: c.path, Missing: err.Error(), Failed: true}}}
	}
	var defs []template.Definition
	if c.path == "-" {
		defs = []template.Definition{template.Whole(c.path, text)}
	} else if defs, err = template.Read(c.path, text); err == nil && len(defs) == 0 {
		if c.mayBeOther {
			return result{}
		}
		if filepath.Ext(c.path) == ".tf" || template.Detect(c.path, text) != "" {
			return result{found: true, machines: []report.Machine{{File: c.path, Missing: c.path + " holds no state machine", Failed: true}}}
		}
		defs = []template.Definition{template.Whole(c.path, text)}
	}
	r := result{found: true}
	if err != nil {
		m := report.Machine{File: c.path, Missing: err.Error(), Failed: true}
		var se *template.SyntaxError
		if errors.As(err, &se) {
			m = report.Machine{File: se.File, At: asl.Position{Line: se.Line, Column: se.Column}, Missing: se.Reason, Failed: true}
		}
		r.machines = append(r.machines, m)
	}
	for i := range defs {
		d := &defs[i]
		m := report.Machine{File: d.At.File, ID: d.ID, At: d.At.Position, Missing: d.Missing, Failed: d.Failed}
		for _, f := range d.Check(config.options(c.path, d)...) {
			m.Findings = append(m.Findings, report.Finding{Diagnostic: f.Diagnostic, File: f.File, Line: f.Line})
		}
		r.machines = append(r.machines, m)
		switch {
		case d.Kind == template.Plain:
			r.whole = true
		case d.File != "":
			r.others = append(r.others, d.File)
		}
	}
	return r
}

// collect puts the results together. What a template says of a definition file counts
// more than the file by itself, which knows neither type nor substitutions, and what the
// call of a Terraform module says counts more than the module by itself. With once,
// findings that several state machines share are reported for the first.
func collect(files []candidate, results []result, once bool) (r *report.Report, checked int) {
	type place struct {
		file string
		at   asl.Position
	}
	type finding struct {
		place
		code, message string
	}
	covered, known := map[string]bool{}, map[place]bool{}
	for i := range results {
		for _, file := range results[i].others {
			covered[filepath.Clean(file)] = true
		}
		for _, m := range results[i].machines {
			if m.Missing == "" {
				known[place{filepath.Clean(m.File), m.At}] = true
			}
		}
	}
	seen := map[finding]bool{}
	r = &report.Report{Version: versionText()}
	for i := range results {
		if !results[i].found {
			continue
		}
		checked++
		if results[i].whole && !files[i].named && covered[filepath.Clean(files[i].path)] {
			continue
		}
		for _, m := range results[i].machines {
			if m.Missing != "" && known[place{filepath.Clean(m.File), m.At}] {
				continue
			}
			if once {
				m.Findings = slices.DeleteFunc(m.Findings, func(f report.Finding) bool {
					k := finding{place{filepath.Clean(f.File), f.Position}, f.Code, f.Message}
					again := seen[k]
					seen[k] = true
					return again
				})
			}
			r.Machines = append(r.Machines, m)
		}
	}
	return r, checked
}

// progress is a line on a terminal that tells how far the work is.
type progress struct {
	w     io.Writer
	total int
	done  atomic.Int64
	stop  chan struct{}
	wg    sync.WaitGroup
}

// newProgress returns one that shows itself on terminals when the work takes its time,
// and does nothing elsewhere.
func newProgress(w io.Writer, total int) *progress {
	p := &progress{w: w, total: total}
	if !isTerminal(w) {
		return p
	}
	p.stop = make(chan struct{})
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for shown := false; ; shown = true {
			select {
			case <-tick.C:
				fmt.Fprintf(w, "\rsfnkit: %d of %d files", p.done.Load(), p.total)
			case <-p.stop:
				if shown {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return p
}

func (p *progress) step() { p.done.Add(1) }

func (p *progress) end() {
	if p.stop != nil {
		close(p.stop)
		p.wg.Wait()
	}
}
