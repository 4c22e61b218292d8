package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
)

// The elements of JUnit's XML that CI systems read: a suite for each file, a case for
// each state machine. Errors of a definition are its failures; what cannot be read is an
// error of the case.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		File      string        `xml:"file,attr"`
		Failure   *junitProblem `xml:"failure"`
		Error     *junitProblem `xml:"error"`
		Skipped   *junitProblem `xml:"skipped"`
		Out       string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

func (r *Report) junit(w io.Writer) error {
	all := junitSuites{Name: "sfnkit validate"}
	at := map[string]int{}
	for i := range r.Machines {
		m := &r.Machines[i]
		k, ok := at[m.File]
		if !ok {
			k = len(all.Suites)
			at[m.File] = k
			all.Suites = append(all.Suites, junitSuite{Name: slashed(m.File)})
		}
		s, c := &all.Suites[k], m.testcase()
		s.Tests++
		all.Tests++
		switch {
		case c.Error != nil:
			s.Errors++
			all.Errors++
		case c.Failure != nil:
			s.Failures++
			all.Failures++
		case c.Skipped != nil:
			s.Skipped++
			all.Skipped++
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (m *Machine) testcase() junitCase {
	c := junitCase{Name: m.ID, ClassName: slashed(m.File), File: slashed(m.File)}
	if c.Name == "" {
		c.Name = "definition"
	}
	if m.Missing != "" {
		p := &junitProblem{Message: m.Missing}
		if m.Failed {
			p.Type = CodeUnreadable
			c.Error = p
		} else {
			c.Skipped = p
		}
	}
	var failures, remarks []string
	for _, f := range m.Findings {
		place := slashed(f.File)
		if f.Position.Line > 0 {
			place += ":" + f.Position.String()
		}
		line := fmt.Sprintf("%s: %s %s: %s", place, f.Severity, f.Code, strings.ReplaceAll(text(f), "\n", "\n  "))
		if f.Severity != asl.SeverityError {
			remarks = append(remarks, line)
			continue
		}
		if failures == nil {
			c.Failure = &junitProblem{Message: valid(f.Summary()), Type: f.Code}
		}
		failures = append(failures, line)
	}
	if c.Failure != nil {
		c.Failure.Text = strings.Join(failures, "\n")
	}
	c.Out = strings.Join(remarks, "\n")
	return c
}
