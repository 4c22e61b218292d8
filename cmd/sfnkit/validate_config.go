package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/template"
)

// configName is the name of the file with a repository's settings.
const configName = ".sfnkit.yaml"

// maxConfig is the size of the largest configuration file, in bytes.
const maxConfig = 1 << 20

// settings are how definitions are validated.
type settings struct {
	Type      string     `yaml:"type"`
	Region    string     `yaml:"region"`
	Strict    bool       `yaml:"strict"`
	Advice    *bool      `yaml:"advice"`
	Disable   []string   `yaml:"disable"`
	Exclude   []string   `yaml:"exclude"` // patterns of files, relative to the configuration file
	Overrides []override `yaml:"overrides"`

	dir       string // that patterns are relative to, absolute
	fixedType bool   // --type is given: overrides do not count
}

// override changes settings for some files. The last one that matches wins.
type override struct {
	Files   []string `yaml:"files"`
	Type    string   `yaml:"type"`
	Disable []string `yaml:"disable"`
}

// findConfig reads the configuration: the file with the given name or, if that is empty,
// the one in the working directory or the nearest folder above it, up to that of the
// repository. Without one all settings are zero.
func findConfig(name string) (*settings, error) {
	if name != "" {
		return readConfig(name)
	}
	dir, err := os.Getwd()
	if err != nil {
		return &settings{}, nil
	}
	for {
		file := filepath.Join(dir, configName)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return readConfig(file)
		}
		_, err := os.Stat(filepath.Join(dir, ".git"))
		up := filepath.Dir(dir)
		if err == nil || up == dir {
			return &settings{}, nil
		}
		dir = up
	}
}

func readConfig(name string) (*settings, error) {
	text, err := readFile(name, nil)
	if err != nil {
		return nil, err
	}
	if len(text) > maxConfig {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxConfig>>20)
	}
	s := &settings{}
	if strings.TrimSpace(string(text)) != "" {
		if err := yaml.UnmarshalWithOptions(text, s, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s:%s", name, strings.TrimSpace(yaml.FormatError(err, false, false)))
		}
	}
	abs, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	s.dir = abs
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// check puts types and codes into their own spelling and refuses others.
func (s *settings) check() error {
	typ := func(t *string) error {
		*t = strings.ToUpper(*t)
		if *t != "" && *t != string(asl.Standard) && *t != string(asl.Express) {
			return fmt.Errorf("type is STANDARD or EXPRESS, not %q", *t)
		}
		return nil
	}
	codes := func(list []string) error {
		for i, code := range list {
			e, known := asl.Explain(code)
			if !known {
				return fmt.Errorf("disable: there is no code %q", code)
			}
			list[i] = e.Code
		}
		return nil
	}
	if err := typ(&s.Type); err != nil {
		return err
	}
	if err := codes(s.Disable); err != nil {
		return err
	}
	patterns := s.Exclude
	for i := range s.Overrides {
		o := &s.Overrides[i]
		if err := typ(&o.Type); err != nil {
			return err
		}
		if err := codes(o.Disable); err != nil {
			return err
		}
		if len(o.Files) == 0 {
			return fmt.Errorf("overrides[%d] names no files", i)
		}
		patterns = append(patterns[:len(patterns):len(patterns)], o.Files...)
	}
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%q is not a pattern", p)
		}
	}
	return nil
}

// options returns how a definition in a file is validated.
func (s *settings) options(file string, d *template.Definition) []asl.ValidateOption {
	typ, disable := s.Type, s.Disable
	for _, o := range s.Overrides {
		if !s.matches(o.Files, file) && (d.File == "" || !s.matches(o.Files, d.File)) {
			continue
		}
		if o.Type != "" && !s.fixedType {
			typ = o.Type
		}
		disable = append(disable[:len(disable):len(disable)], o.Disable...)
	}
	opts := []asl.ValidateOption{asl.Disable(disable...)}
	if typ != "" {
		opts = append(opts, asl.ForType(asl.WorkflowType(typ)))
	}
	if s.Strict {
		opts = append(opts, asl.Strict())
	}
	if s.Advice != nil && !*s.Advice {
		opts = append(opts, asl.AtLeast(asl.SeverityWarning))
	}
	if s.Region != "" {
		opts = append(opts, asl.ForRegion(s.Region))
	}
	return opts
}

func (s *settings) excludes(file string) bool { return s.matches(s.Exclude, file) }

// matches reports whether one of the patterns means a file or a folder above it.
func (s *settings) matches(patterns []string, file string) bool {
	if len(patterns) == 0 {
		return false
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(s.dir, abs)
	if err != nil {
		return false
	}
	parts := strings.Split(filepath.ToSlash(rel), "/")
	for _, p := range patterns {
		if matchParts(strings.Split(strings.Trim(p, "/"), "/"), parts) {
			return true
		}
	}
	return false
}

// matchParts matches a pattern with a path, part by part; ** stands for any number of
// parts, and the path may go on below what the pattern names.
func matchParts(pattern, parts []string) bool {
	// Only the last ** seen needs to be tried again, so that time is bounded by the
	// product of the lengths.
	p, i, star, from := 0, 0, -1, 0
	for {
		switch {
		case p == len(pattern):
			return true
		case pattern[p] == "**":
			star, from = p, i
			p++
			continue
		case i < len(parts):
			if ok, _ := path.Match(pattern[p], parts[i]); ok {
				p, i = p+1, i+1
				continue
			}
		}
		if star < 0 || from >= len(parts) {
			return false
		}
		from++
		p, i = star+1, from
	}
}
