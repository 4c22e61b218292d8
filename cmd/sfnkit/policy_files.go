package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/template"
)

// subject is a state machine whose policy is asked for.
type subject struct {
	workflow          // its name is for messages
	problem  string   // why there is no machine; "" if there is one
	asked    bool     // it is the one that --machine names, or that names none
	grants   []string // what gives its role policies that cannot be seen
	file     string   // that was read
	scope    string   // within which names of roles mean the same: a file, or a folder of Terraform
}

// id is what a template calls it, or the name of its file.
func (s *subject) id() string {
	if s.def == nil || s.def.Kind == template.Plain {
		return s.name
	}
	return s.def.ID
}

// pseudo reports whether CloudFormation fills in what a template leaves open, so that
// region and account have names.
func pseudo(k template.Kind) bool { return k == template.CloudFormation || k == template.Serverless }

// open reads the definition, or those of a template. Without an error at least one is
// asked for.
func (f *policyFlags) open(cmd *cobra.Command, path string) ([]*subject, error) {
	defs, grants, err := templateDefinitions(path)
	if err != nil {
		return nil, err
	}
	if defs == nil {
		if f.machine != "" {
			return nil, fmt.Errorf("--machine is for templates, which %s is not", path)
		}
		w, err := openWorkflow(path, cmd.InOrStdin())
		if err != nil {
			return nil, err
		}
		if len(w.machine.States) == 0 {
			return nil, fmt.Errorf("%s holds no state machine", path)
		}
		return []*subject{{workflow: *w, asked: true, file: w.name}}, nil
	}
	list := f.subjects(path, defs, grants)
	if !slices.ContainsFunc(list, func(s *subject) bool { return s.asked }) {
		return nil, fmt.Errorf("%s holds no state machine %q", path, f.machine)
	}
	if defs[0].Kind == template.Terraform {
		// The other files of the folder may have users of the same roles.
		siblings, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.tf"))
		inJSON, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.tf.json"))
		for _, file := range append(siblings, inJSON...) {
			if filepath.Clean(file) == filepath.Clean(path) {
				continue
			}
			if defs, grants, err := templateDefinitions(file); err == nil {
				for _, s := range f.subjects(file, defs, grants) {
					s.asked = false
					list = append(list, s)
				}
			}
		}
	}
	return list, nil
}

// subjects returns the state machines of a file.
func (f *policyFlags) subjects(path string, defs []template.Definition, grants []string) []*subject {
	list := make([]*subject, len(defs))
	for i := range defs {
		s := newSubject(&defs[i])
		s.file, s.scope, s.grants = path, path, grants
		if s.def.Kind == template.Terraform {
			s.scope = filepath.Dir(path)
		}
		s.asked = f.machine == "" || s.def.ID == f.machine
		list[i] = s
	}
	return list
}

// openFolder reads all definitions and templates below a folder. What cannot be read
// comes back as errors beside the rest.
func (f *policyFlags) openFolder(dir string) (list []*subject, unreadable []error, err error) {
	config, err := findConfig("")
	if err != nil {
		return nil, nil, err
	}
	var files []string
	if err := walk(dir, config, func(file string) { files = append(files, file) }); err != nil {
		return nil, nil, err
	}
	covered := make(map[string]bool) // definition files that a template names
	called := make(map[string]bool)  // folders of Terraform modules that others call
	for _, file := range files {
		text, err := readFile(file, nil)
		if err != nil {
			unreadable = append(unreadable, err)
			continue
		}
		defs, grants, err := definitions(file, text)
		if err != nil {
			unreadable = append(unreadable, err)
		}
		for _, s := range f.subjects(file, defs, grants) {
			if s.def.Kind == template.Plain {
				if s.problem == "" && len(s.machine.States) == 0 {
					continue
				}
			} else if s.def.File != "" {
				covered[filepath.Clean(s.def.File)] = true
			}
			if in := filepath.Dir(s.def.At.File); s.def.Kind == template.Terraform && in != filepath.Dir(file) {
				called[filepath.Clean(in)] = true
			}
			list = append(list, s)
		}
	}
	list = slices.DeleteFunc(list, func(s *subject) bool {
		switch s.def.Kind {
		case template.Plain:
			return covered[filepath.Clean(s.file)]
		case template.Terraform:
			return called[filepath.Clean(s.scope)]
		}
		return false
	})
	switch {
	case len(list) == 0 && len(unreadable) == 0:
		return nil, nil, fmt.Errorf("%s holds no definition and no template with one", dir)
	case f.machine != "" && !slices.ContainsFunc(list, func(s *subject) bool { return s.asked }):
		return nil, nil, fmt.Errorf("%s holds no state machine %q", dir, f.machine)
	}
	return list, unreadable, nil
}

// onlyAsked leaves out what is not asked for.
func onlyAsked(list []*subject) []*subject {
	return slices.DeleteFunc(list, func(s *subject) bool { return !s.asked })
}

// one returns those of a file that are the cases of one state machine, which must be the
// only one that is asked for.
func one(path string, list []*subject) ([]*subject, error) {
	list = onlyAsked(list)
	var ids []string
	for _, s := range list {
		if id := s.id(); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 1 {
		return nil, fmt.Errorf("%s holds %s; choose one with --machine: %s", path, count(len(ids), "state machine"), strings.Join(ids, ", "))
	}
	return list, nil
}

// templateDefinitions returns the definitions of a template, nil for other files, and
// what in it gives roles policies that it does not show.
func templateDefinitions(path string) (defs []template.Definition, grants []string, err error) {
	if info, err := os.Stat(path); path == "-" || err == nil && info.IsDir() {
		return nil, nil, nil
	}
	text, err := readFile(path, nil)
	if err != nil {
		return nil, nil, err
	}
	defs, grants, err = definitions(path, text)
	if err != nil {
		return nil, nil, err
	}
	if len(defs) == 0 && (filepath.Ext(path) == ".tf" || template.Detect(path, text) != "") {
		return nil, nil, fmt.Errorf("%s holds no state machine", path)
	}
	if len(defs) == 0 || defs[0].Kind == template.Plain {
		return nil, nil, nil
	}
	return defs, grants, nil
}

// definitions returns the definitions of a file, and what in it gives roles policies that
// it does not show.
func definitions(path string, text []byte) (defs []template.Definition, grants []string, err error) {
	defs, err = template.Read(path, text)
	var se *template.SyntaxError
	if errors.As(err, &se) {
		err = fmt.Errorf("%s:%d:%d: %s", se.File, se.Line, se.Column, se.Reason)
	}
	if len(defs) == 0 {
		return nil, nil, err
	}
	switch defs[0].Kind {
	case template.Terraform, template.TerraformPlan:
		// Documents that are computed from other resources are known to Terraform alone.
		grants = []string{"those that Terraform computes"}
	case template.CloudFormation:
		if connectors.Match(text) {
			grants = []string{"those of SAM connectors"}
		}
	}
	return defs, grants, err
}

// connectors finds what SAM makes policies of without showing them.
var connectors = regexp.MustCompile(`AWS::Serverless::Connector|\bConnectors"?\s*:`)

func newSubject(d *template.Definition) *subject {
	s := &subject{problem: d.Missing}
	s.name, s.def = d.At.File, d
	if d.Kind != template.Plain {
		s.name = fmt.Sprintf("%s:%v: %s", d.At.File, d.At.Position, d.ID)
	}
	if d.Missing != "" {
		return s
	}
	m, err := d.Machine()
	if err == nil {
		if s.machine = m; len(m.States) == 0 && d.Kind != template.Plain {
			s.problem = "what states it has is not in the files"
			for _, f := range d.Check(asl.AtLeast(asl.SeverityError)) {
				s.problem = fmt.Sprintf("%s:%v: %s", f.File, f.Position, f.Summary())
				break
			}
		}
		return s
	}
	s.problem = err.Error()
	var ds asl.Diagnostics
	if errors.As(err, &ds) && len(ds) > 0 {
		at := d.Place(ds[0].Position)
		s.problem = fmt.Sprintf("%s:%v: %s", at.File, at.Position, ds[0].Summary())
	}
	return s
}
