package report

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl"
)

// The parts of SARIF 2.1.0 (OASIS Standard, 27 March 2020) that a report has.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string         `json:"id"`
		ShortDescription     *sarifText     `json:"shortDescription,omitempty"`
		FullDescription      *sarifText     `json:"fullDescription,omitempty"`
		Help                 *sarifText     `json:"help,omitempty"`
		HelpURI              string         `json:"helpUri,omitempty"`
		DefaultConfiguration *sarifSeverity `json:"defaultConfiguration,omitempty"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifSeverity struct {
		Level string `json:"level"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int        `json:"startLine"`
		StartColumn int        `json:"startColumn,omitempty"`
		Snippet     *sarifText `json:"snippet,omitempty"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
)

func (r *Report) sarif(w io.Writer) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "sfnkit", Version: r.Version, InformationURI: "https://github.com/sfnkit/sfnkit", Rules: []sarifRule{},
		}},
		ColumnKind: "utf16CodeUnits",
		Results:    []sarifResult{},
	}
	call := sarifInvocation{ExecutionSuccessful: true}
	rules := map[string]int{}
	for m, f := range r.Findings {
		at := []sarifLocation{location(m, f)}
		if f.Code == CodeUnreadable || f.Code == CodeNotChecked {
			call.ExecutionSuccessful = call.ExecutionSuccessful && f.Code != CodeUnreadable
			call.Notifications = append(call.Notifications, sarifNotification{level(f.Severity), sarifText{Text: text(f)}, at})
			continue
		}
		i, ok := rules[f.Code]
		if !ok {
			i = len(rules)
			rules[f.Code] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule(f.Code))
		}
		run.Results = append(run.Results, sarifResult{f.Code, i, level(f.Severity), sarifText{Text: text(f)}, at})
	}
	run.Invocations = []sarifInvocation{call}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func level(s asl.Severity) string {
	switch s {
	case asl.SeverityError:
		return "error"
	case asl.SeverityWarning:
		return "warning"
	}
	return "note"
}

func rule(code string) sarifRule {
	r := sarifRule{ID: code}
	e, ok := asl.Explain(code)
	if !ok {
		return r
	}
	r.ShortDescription = &sarifText{Text: e.Title}
	r.FullDescription = &sarifText{Text: e.Meaning}
	help, markdown := e.Meaning, e.Meaning
	if e.Bad != "" {
		help += "\n\nNot so:\n\n" + e.Bad
		markdown += "\n\nNot so:\n\n```\n" + e.Bad + "\n```"
	}
	if e.Good != "" {
		help += "\n\nBut so:\n\n" + e.Good
		markdown += "\n\nBut so:\n\n```\n" + e.Good + "\n```"
	}
	r.Help = &sarifText{Text: help, Markdown: markdown}
	if strings.HasPrefix(e.Document, "https://") {
		r.HelpURI = e.Document
	}
	r.DefaultConfiguration = &sarifSeverity{level(e.Severity)}
	return r
}

func location(m *Machine, f Finding) sarifLocation {
	l := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{fileURI(f.File)}}}
	if f.Position.Line > 0 {
		region := &sarifRegion{StartLine: f.Position.Line, StartColumn: utf16Column(f.Line, f.Position.Column)}
		if f.Line != "" && len(f.Line) <= 1000 {
			region.Snippet = &sarifText{Text: valid(f.Line)}
		}
		l.Physical.Region = region
	}
	if name := m.ID + f.Location; name != "" {
		l.Logical = []sarifLogical{{valid(name)}}
	}
	return l
}

// fileURI is a relative reference, or a file URI if the name is absolute.
func fileURI(name string) string {
	u := url.URL{Path: slashed(name)}
	if strings.HasPrefix(u.Path, "/") {
		u.Scheme = "file"
	} else if len(u.Path) > 1 && u.Path[1] == ':' {
		u.Scheme, u.Path = "file", "/"+u.Path
	}
	return u.String()
}

// utf16Column turns a column in bytes into one in UTF-16 code units.
func utf16Column(line string, column int) int {
	if column > len(line)+1 {
		return column
	}
	n := 1
	for _, r := range line[:max(column-1, 0)] {
		n++
		if r > 0xFFFF && r != utf8.RuneError {
			n++
		}
	}
	return n
}
