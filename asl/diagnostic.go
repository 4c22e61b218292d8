package asl

import "fmt"

// Severity is the weight of a diagnostic. ERROR and WARNING are the service's own words;
// ADVICE marks what only this module says.
type Severity string

// The severities.
const (
	SeverityError   Severity = "ERROR"
	SeverityWarning Severity = "WARNING"
	SeverityAdvice  Severity = "ADVICE"
)

// Position is a place in a source text. Lines and columns count from 1, columns in
// bytes; the zero Position is unknown.
type Position struct {
	Line, Column int
}

func (p Position) String() string {
	if p.Line == 0 {
		return "-"
	}
	return fmt.Sprintf("%d:%d", p.Line, p.Column)
}

// Diagnostic is a finding about a definition. Where the service itself would speak, Code
// and Message are the service's.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`     // such as SCHEMA_VALIDATION_FAILED
	Message  string   `json:"message"`  //
	Location string   `json:"location"` // as the service writes it: /States/A/Retry[0]/Next; "" if it gives none
	State    string   `json:"state,omitempty"`
	Hint     string   `json:"hint,omitempty"` // what to do about it
	Position Position `json:"position"`
}

// Error makes a Diagnostic usable as an error.
func (d Diagnostic) Error() string {
	s := d.Code + ": " + d.Message
	if d.Location != "" {
		s += " at " + d.Location
	}
	return s
}
