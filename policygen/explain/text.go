package explain

import (
	"fmt"
	"strings"
)

// Text returns the explanation for a reader at a terminal, ended by a line feed.
func (e Explanation) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if e.ID == "" {
		line("This error is not in the catalogue (of %s); nothing certain can be said about it.", e.Date)
	} else {
		line("%s", e.Title)
		line("[%s, %s]", e.ID, e.Area)
	}
	b.WriteByte('\n')
	if name := e.Error.Name; name != "" {
		status := ""
		if e.Status != 0 {
			status = fmt.Sprintf(" (HTTP %d)", e.Status)
		}
		line("  Error      %s%s", name, status)
	}
	if e.Error.Message != "" {
		line("  Message    %s", indent(e.Error.Message, "             "))
	}
	if len(e.Error.Layers) > 0 {
		line("  Came by    %s", strings.Join(e.Error.Layers, ", "))
	}
	if d := e.Denial; d != nil {
		line("  Who        %s", d.Principal)
		line("  Action     %s", d.Action)
		if d.Resource != "" {
			line("  Resource   %s", d.Resource)
		}
		if d.Policy != "" {
			how := "no Allow in"
			if d.Explicit {
				how = "a Deny in"
			}
			line("  Reason     %s: %s", how, d.Policy)
		}
		if d.PolicyARN != "" {
			line("  Policy     %s", d.PolicyARN)
		}
	} else if m := e.Facts["model"]; m != "" {
		line("  Model      %s", m)
	}
	if r := e.Facts["region"]; r != "" {
		line("  Region     %s", r)
	}
	if e.Error.RequestID != "" {
		line("  Request    %s", e.Error.RequestID)
	}
	if e.ID == "" {
		b.WriteByte('\n')
		line("What helps: look the request up in CloudTrail, and search the AWS documentation for the")
		line("exact words of the message.")
		return b.String()
	}
	list := func(title string, texts []string) {
		if len(texts) == 0 {
			return
		}
		line("\n%s", title)
		for i, t := range texts {
			line("  %d. %s", i+1, indent(t, "     "))
		}
	}
	list("Causes, in the order to check:", e.Causes)
	if len(e.TellApart) > 0 {
		line("\nHow to tell:")
		for _, t := range e.TellApart {
			line("  - %s", indent(t, "    "))
		}
	}
	if len(e.Fixes) > 0 {
		line("\nWhat to do:")
		for i, f := range e.Fixes {
			line("  %d. %s", i+1, indent(f.text(), "     "))
		}
	}
	if e.ByName {
		line("\nThe message itself is not known; this rests on the name of the error alone.")
	}
	if e.Unsure != "" {
		line("\nLess certain: %s.", e.Unsure)
	}
	if len(e.Sources) > 0 {
		line("\nSources (%s): %s.", e.Date, strings.Join(e.Sources, "; "))
	}
	return b.String()
}

func (f *Fix) text() string {
	var b strings.Builder
	b.WriteString(f.Text)
	if f.Policy != nil {
		b.WriteString("\n" + strings.TrimSuffix(string(f.Policy.JSON()), "\n"))
	}
	if f.Snippet != "" {
		b.WriteString("\n" + f.Snippet)
	}
	for _, q := range f.Quotas {
		b.WriteString("\n- " + q)
	}
	if c := f.Case; c != nil {
		for _, w := range c.Where {
			b.WriteString("\n" + w)
		}
		b.WriteString("\nSubject: " + c.Subject + "\nDescription:\n  " + indent(c.Description, "  ") + "\n" + c.Note)
	}
	return b.String()
}

func indent(text, by string) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by)
}
