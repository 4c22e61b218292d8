package suite

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/sfnkit/sfnkit/asl/value"
)

// TextOptions says what [Report.WriteText] prints.
type TextOptions struct {
	Verbose  bool // the cases that passed, too
	Coverage bool // what was reached, and what was not
}

// WriteText prints the report for people. Nothing in it depends on the machine or the
// time.
func (r *Report) WriteText(w io.Writer, o TextOptions) error {
	p := &printer{w: w}
	for first := 0; first < len(r.Results); {
		last := first
		failed := 0
		for ; last < len(r.Results) && r.Results[last].File == r.Results[first].File; last++ {
			if len(r.Results[last].Failures) > 0 {
				failed++
			}
		}
		verdict := "ok  "
		if failed > 0 {
			verdict = "FAIL"
		}
		p.line("%s  %s  %s", verdict, r.Results[first].File.Name, counted(last-first, "case"))
		for i := first; i < last; i++ {
			r.Results[i].print(p, o.Verbose)
		}
		first = last
	}
	for _, u := range r.Unused {
		p.line("note: %s was given in no case", u)
	}
	if o.Coverage {
		if err := r.writeCoverage(w); err != nil {
			return err
		}
	}
	failed := r.Failed()
	p.line("%s: %d passed, %d failed", counted(len(r.Results), "case"), len(r.Results)-failed, failed)
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

func (r *Result) print(p *printer, verbose bool) {
	switch {
	case len(r.Failures) > 0:
		p.line("  FAIL  %s  (%s)", r.Case.Name, r.At(Failure{}))
		for _, f := range r.Failures {
			p.line("    %s", strings.ReplaceAll(f.String(), "\n", "\n    "))
			if f.Position.Line > 0 {
				p.line("      expected by %s", r.At(f))
			}
		}
	case verbose:
		p.line("  ok    %s  %s", r.Case.Name, seconds(r.Virtual.Seconds()))
	}
	for _, u := range r.Unused {
		p.line("  note: %s: the %s was not given", r.Case.Name, u)
	}
}

// At is where the expectation that failed is written, or else the case.
func (r *Result) At(f Failure) string {
	at := f.Position
	if at.Line == 0 {
		at = r.Case.Position
	}
	return r.File.Name + ":" + at.String()
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 3, 64) + "s" }

func (r *Report) writeCoverage(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "coverage")
	for _, k := range Kinds() {
		fmt.Fprintf(t, "\t%s", k)
	}
	fmt.Fprintln(t)
	for _, c := range r.Coverage {
		fmt.Fprint(t, c.Definition)
		for _, k := range Kinds() {
			reached, all := c.Count(k)
			if all == 0 {
				fmt.Fprint(t, "\tnone")
				continue
			}
			fmt.Fprintf(t, "\t%d of %d", reached, all)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	p := &printer{w: w}
	for _, c := range r.Coverage {
		for _, i := range c.Items() {
			// That a rule or a catcher was not reached says where it leads to as well.
			if i.Hits == 0 && (i.Kind != Transitions || i.What == "Next") {
				p.line("not reached: %s: %s: %s", i.place(c.Definition), i.Kind, i)
			}
		}
	}
	return p.err
}

func (i *Item) place(file string) string {
	if i.Position.Line > 0 {
		return file + ":" + i.Position.String()
	}
	return file
}

// Threshold is a coverage that is demanded of every definition.
type Threshold struct {
	Kind    Kind // "" for all items together
	Percent float64
}

// ParseThresholds reads thresholds as they are given on a command line: "90" for all items
// together, or "states=100,choice-rules=80" for some kinds.
func ParseThresholds(s string) ([]Threshold, error) {
	var list []Threshold
	for part := range strings.SplitSeq(s, ",") {
		var t Threshold
		name, percent, named := strings.Cut(part, "=")
		if !named {
			percent = name
		} else if t.Kind = Kind(strings.ReplaceAll(name, "-", " ")); !t.Kind.known() {
			return nil, fmt.Errorf("%q is not one of states, transitions, choice-rules, retriers, catchers", name)
		}
		n, err := strconv.ParseFloat(strings.TrimSuffix(percent, "%"), 64)
		if err != nil || !(n >= 0 && n <= 100) {
			return nil, fmt.Errorf("%q is not a percentage from 0 to 100", percent)
		}
		t.Percent = n
		list = append(list, t)
	}
	return list, nil
}

func (k Kind) known() bool {
	for _, x := range Kinds() {
		if k == x {
			return true
		}
	}
	return false
}

// Below tells which definitions do not reach the thresholds, a line for each.
func (r *Report) Below(thresholds []Threshold) []string {
	var lines []string
	for _, c := range r.Coverage {
		for _, t := range thresholds {
			what, got := "all items", 0.0
			if t.Kind == "" {
				got = c.Percent()
			} else {
				what, got = string(t.Kind), c.Percent(t.Kind)
			}
			if got < t.Percent {
				lines = append(lines, fmt.Sprintf("%s: the coverage of %s is %.1f %%, below the threshold of %s %%",
					c.Definition, what, got, strconv.FormatFloat(t.Percent, 'f', -1, 64)))
			}
		}
	}
	return lines
}

// JSON returns the report as a JSON value: {"cases": [...], "unused": [...], "coverage":
// [...]}, with the fields of the types of this package in camel case.
func (r *Report) JSON() value.Value {
	var cases, coverage []value.Value
	for i := range r.Results {
		cases = append(cases, r.Results[i].json())
	}
	for _, c := range r.Coverage {
		coverage = append(coverage, c.json())
	}
	failed := r.Failed()
	b := value.NewBuilder(5)
	b.Set("passed", value.Int(int64(len(r.Results)-failed)))
	b.Set("failed", value.Int(int64(failed)))
	b.Set("cases", value.Array(cases))
	b.Set("unused", texts(r.Unused))
	b.Set("coverage", value.Array(coverage))
	return b.Object()
}

func (r *Result) json() value.Value {
	var failures []value.Value
	for _, f := range r.Failures {
		b := value.NewBuilder(6)
		b.Set("kind", value.String(f.Kind)).Set("message", value.String(f.Message))
		if f.State != "" {
			b.Set("state", value.String(f.State)).Set("role", value.String(f.Role)).Set("place", value.String(f.Place))
		}
		b.Set("expectedBy", value.String(r.At(f)))
		failures = append(failures, b.Object())
	}
	b := value.NewBuilder(8)
	b.Set("file", value.String(r.File.Name))
	b.Set("name", value.String(r.Case.Name))
	b.Set("line", value.Int(int64(r.Case.Position.Line)))
	b.Set("definition", value.String(r.File.Definition))
	b.Set("passed", value.Bool(len(r.Failures) == 0))
	b.Set("failures", value.Array(failures))
	b.Set("unused", texts(r.Unused))
	b.Set("path", texts(r.Path))
	b.Set("virtualSeconds", value.Float(r.Virtual.Seconds()))
	b.Set("seconds", value.Float(r.Elapsed.Seconds()))
	return b.Object()
}

func (c *Coverage) json() value.Value {
	b := value.NewBuilder(8)
	b.Set("definition", value.String(c.Definition))
	b.Set("percent", value.Float(c.Percent()))
	for _, k := range Kinds() {
		reached, all := c.Count(k)
		name := strings.ReplaceAll(string(k), " r", "R")
		b.Set(name, value.Object([]string{"reached", "all"}, []value.Value{value.Int(int64(reached)), value.Int(int64(all))}))
	}
	var items []value.Value
	for _, i := range c.Items() {
		items = append(items, value.Object(
			[]string{"kind", "state", "location", "line", "hits"},
			[]value.Value{
				value.String(string(i.Kind)), value.String(i.State), value.String(i.Location),
				value.Int(int64(i.Position.Line)), value.Int(int64(i.Hits)),
			}))
	}
	b.Set("items", value.Array(items))
	return b.Object()
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	Class     string        `xml:"classname,attr"`
	File      string        `xml:"file,attr"`
	Line      int           `xml:"line,attr"`
	Time      string        `xml:"time,attr"`
	Failure   *junitFailure `xml:"failure"`
	SystemOut string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report in the XML form of JUnit: a suite for each file, with the
// coverage of its definition as properties. Times are real ones, in seconds.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Tests: len(r.Results), Failures: r.Failed()}
	total := 0.0
	for i := range r.Results {
		x := &r.Results[i]
		if len(all.Suites) == 0 || x.File != r.Results[i-1].File {
			all.Suites = append(all.Suites, junitSuite{Name: x.File.Name, Properties: r.properties(x.File)})
		}
		s := &all.Suites[len(all.Suites)-1]
		c := junitCase{Name: x.Case.Name, Class: s.Name, File: s.Name, Line: x.Case.Position.Line, Time: fmt.Sprintf("%.6f", x.Elapsed.Seconds())}
		if len(x.Failures) > 0 {
			s.Failures++
			c.Failure = &junitFailure{Message: x.Failures[0].Kind + ": " + x.Failures[0].Message, Type: x.Failures[0].Kind}
			var lines []string
			for _, f := range x.Failures {
				lines = append(lines, f.String(), "  expected by "+x.At(f))
			}
			c.Failure.Text = strings.Join(lines, "\n")
		}
		for _, u := range x.Unused {
			c.SystemOut += "the " + u + " was not given\n"
		}
		s.Tests++
		s.Cases = append(s.Cases, c)
		total += x.Elapsed.Seconds()
	}
	for i := range all.Suites {
		sum := 0.0
		for j := range r.Results {
			if r.Results[j].File.Name == all.Suites[i].Name {
				sum += r.Results[j].Elapsed.Seconds()
			}
		}
		all.Suites[i].Time = fmt.Sprintf("%.6f", sum)
	}
	all.Time = fmt.Sprintf("%.6f", total)
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

func (r *Report) properties(f *File) []junitProperty {
	var list []junitProperty
	for _, c := range r.Coverage {
		if c.Definition != f.Definition {
			continue
		}
		for _, k := range Kinds() {
			list = append(list, junitProperty{"coverage." + strings.ReplaceAll(string(k), " ", "-"), fmt.Sprintf("%.1f", c.Percent(k))})
		}
	}
	return list
}
