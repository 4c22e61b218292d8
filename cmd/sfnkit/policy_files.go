package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/template"
)

// subject is a state machine whose policy is asked for.
type subject struct {
	workflow                      // its name is for messages
	def      *template.Definition // nil for a definition of its own
	problem  string               // why there is no machine; "" if there is one
	asked    bool                 // it is the one that --machine names, or that names none
	grants   []string             // what gives its role policies that cannot be seen
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
		return []*subject{{workflow: *w, asked: true}}, nil
	}
	var list []*subject
	found := false
	for i := range defs {
		s := newSubject(&defs[i])
		s.grants = grants
		s.asked = f.machine == "" || s.def.ID == f.machine
		found = found || s.asked
		list = append(list, s)
	}
	if !found {
		return nil, fmt.Errorf("%s holds no state machine %q", path, f.machine)
	}
	return list, nil
}

// onlyAsked leaves out what is not asked for.
func onlyAsked(list []*subject) []*subject {
	return slices.DeleteFunc(list, func(s *subject) bool { return !s.asked })
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
	defs, err = template.Read(path, text)
	if err != nil {
		var se *template.SyntaxError
		if errors.As(err, &se) {
			err = fmt.Errorf("%s:%d:%d: %s", se.File, se.Line, se.Column, se.Reason)
		}
		return nil, nil, err
	}
	if len(defs) == 0 && (filepath.Ext(path) == ".tf" || template.Detect(path, text) != "") {
		return nil, nil, fmt.Errorf("%s holds no state machine", path)
	}
	if len(defs) == 0 || defs[0].Kind == template.Plain {
		return nil, nil, nil
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
	return defs, grants, nil
}

// connectors finds what SAM makes policies of without showing them.
var connectors = regexp.MustCompile(`AWS::Serverless::Connector|\bConnectors"?\s*:`)

func newSubject(d *template.Definition) *subject {
	s := &subject{def: d, problem: d.Missing}
	s.name = fmt.Sprintf("%s:%v: %s", d.At.File, d.At.Position, d.ID)
	if d.Missing != "" {
		return s
	}
	m, err := d.Machine()
	if err == nil {
		s.machine = m
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
