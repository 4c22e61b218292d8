package explain

import "github.com/sfnkit/sfnkit/asl/value"

// Value returns the explanation as a JSON object. Members that have nothing to say are
// left out, but for id ("" if the error is not known), title, causes and fixes.
func (e Explanation) Value() value.Value {
	b := object{value.NewBuilder(16)}
	b.Set("id", value.String(e.ID))
	b.text("area", e.Area)
	b.Set("title", value.String(e.Title))
	b.text("error", e.Error.Name)
	b.text("message", e.Error.Message)
	if e.Status != 0 {
		b.Set("status", value.Int(int64(e.Status)))
	}
	b.text("requestId", e.Error.RequestID)
	b.texts("layers", e.Error.Layers)
	if d := e.Denial; d != nil {
		v := object{value.NewBuilder(6)}
		v.Set("principal", value.String(d.Principal))
		v.Set("action", value.String(d.Action))
		v.text("resource", d.Resource)
		v.text("policyType", d.Policy)
		v.Set("explicit", value.Bool(d.Explicit))
		v.text("policyArn", d.PolicyARN)
		b.Set("denial", v.Object())
	}
	b.text("model", e.Facts["model"])
	b.text("region", e.Facts["region"])
	b.Set("causes", list(e.Causes))
	b.texts("tellApart", e.TellApart)
	fixes := make([]value.Value, len(e.Fixes))
	for i := range e.Fixes {
		fixes[i] = e.Fixes[i].value()
	}
	b.Set("fixes", value.Array(fixes))
	b.texts("sources", e.Sources)
	b.text("date", e.Date)
	if e.ByName {
		b.Set("byName", value.Bool(true))
	}
	b.text("unsure", e.Unsure)
	return b.Object()
}

func (f *Fix) value() value.Value {
	b := object{value.NewBuilder(6)}
	b.Set("kind", value.String(f.Kind))
	b.Set("text", value.String(f.Text))
	if f.Policy != nil {
		b.Set("policy", f.Policy.Value())
	}
	b.text("snippet", f.Snippet)
	b.texts("quotas", f.Quotas)
	if c := f.Case; c != nil {
		v := object{value.NewBuilder(4)}
		v.texts("where", c.Where)
		v.text("subject", c.Subject)
		v.text("description", c.Description)
		v.text("note", c.Note)
		b.Set("case", v.Object())
	}
	return b.Object()
}

// Value returns the finding as a JSON object.
func (f *Finding) Value() value.Value {
	b := object{value.NewBuilder(9)}
	b.text("state", f.State)
	b.Set("event", value.Int(f.Event))
	b.Set("type", value.String(f.Type))
	b.text("error", f.Error)
	b.text("cause", f.Cause)
	b.text("resource", f.Resource)
	b.Set("attempts", value.Int(int64(f.Attempts)))
	b.Set("fatal", value.Bool(f.Fatal))
	b.Set("explanation", f.Explanation.Value())
	return b.Object()
}

// object builds an object without the members that are empty.
type object struct{ *value.Builder }

func (b object) text(key, text string) {
	if text != "" {
		b.Set(key, value.String(text))
	}
}

func (b object) texts(key string, texts []string) {
	if len(texts) > 0 {
		b.Set(key, list(texts))
	}
}

func list(texts []string) value.Value {
	vals := make([]value.Value, len(texts))
	for i, t := range texts {
		vals[i] = value.String(t)
	}
	return value.Array(vals)
}
