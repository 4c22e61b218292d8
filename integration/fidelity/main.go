// Command fidelity writes docs/FIDELITY.md: how much of what the service was recorded to
// do sfnkit does too, from the results of a conformance run.
//
//	fidelity -results results.json -differences differences.json -date 2026-11-23 -out docs/FIDELITY.md
//
// The results are what the checker writes with --json: for each case the levels that it
// passes. The differences are ours: for a case, or for all cases with a prefix, the reason
// why it does not pass. A failing case without a reason is listed as unexplained; a reason
// for a case that passes is an error, so that the list cannot grow old.
package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// result is how one case fared.
type result struct {
	Levels map[string]*bool  `json:"levels"` // null where the recording cannot judge
	Passed bool              `json:"passed"`
	Diffs  map[string]string `json:"diffs"`
}

// difference explains why cases do not pass.
type difference struct {
	Case   string `json:"case"` // an id, or a prefix that ends in *
	Reason string `json:"reason"`
}

var levels = []string{"L1", "L2", "L3"}

func main() {
	results := flag.String("results", "", "the `FILE` that the checker wrote with --json")
	differences := flag.String("differences", "", "a `FILE` with the known differences")
	date := flag.String("date", time.Now().UTC().Format(time.DateOnly), "the `DAY` of the run")
	out := flag.String("out", "", "the `FILE` to write (default: standard output)")
	flag.Parse()
	if err := run(*results, *differences, *date, *out); err != nil {
		fmt.Fprintln(os.Stderr, "fidelity:", err)
		os.Exit(1)
	}
}

func run(results, differences, date, out string) error {
	var rs map[string]result
	if err := readJSON(results, &rs); err != nil {
		return err
	}
	var ds []difference
	if differences != "" {
		if err := readJSON(differences, &ds); err != nil {
			return err
		}
	}
	var page strings.Builder
	if err := write(&page, rs, ds, date); err != nil {
		return err
	}
	if out == "" {
		_, err := os.Stdout.WriteString(page.String())
		return err
	}
	return os.WriteFile(out, []byte(page.String()), 0o666)
}

func readJSON(file string, to any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// tally counts the cases of a group.
type tally struct {
	cases, passed int
	ok, judged    [3]int // by level
}

func (t *tally) add(r result) {
	t.cases++
	if r.Passed {
		t.passed++
	}
	for i, l := range levels {
		if v := r.Levels[l]; v != nil {
			t.judged[i]++
			if *v {
				t.ok[i]++
			}
		}
	}
}

func (t *tally) row(name string) string {
	cells := []string{name, fmt.Sprint(t.cases)}
	for i := range levels {
		cell := "-"
		if t.judged[i] > 0 {
			cell = fmt.Sprintf("%d / %d", t.ok[i], t.judged[i])
		}
		cells = append(cells, cell)
	}
	return "| " + strings.Join(append(cells, fmt.Sprint(t.passed)), " | ") + " |\n"
}

func write(w io.Writer, rs map[string]result, ds []difference, date string) error {
	var total tally
	groups := make(map[string]*tally)
	reasons := make(map[string][]string) // reason to failing cases
	var order, unexplained []string
	used := make(map[string]bool)
	for _, id := range slices.Sorted(maps.Keys(rs)) {
		r := rs[id]
		group, _, _ := strings.Cut(id, "/")
		if groups[group] == nil {
			groups[group] = new(tally)
		}
		groups[group].add(r)
		total.add(r)
		if r.Passed {
			continue
		}
		d := explanation(ds, id)
		if d == nil {
			unexplained = append(unexplained, id)
			continue
		}
		used[d.Case] = true
		if reasons[d.Reason] == nil {
			order = append(order, d.Reason)
		}
		reasons[d.Reason] = append(reasons[d.Reason], id)
	}
	for _, d := range ds {
		if d.Reason == "" {
			return fmt.Errorf("the difference %q has no reason", d.Case)
		}
		if !used[d.Case] {
			return fmt.Errorf("the difference %q explains no failing case", d.Case)
		}
	}

	fmt.Fprintf(w, `# Fidelity

What AWS Step Functions was recorded answering, replayed against `+"`sfnkit serve`"+` on %s:
**%d of %d recordings pass at every level.** This page is generated from that run
(`+"`make conformance`"+`); a level that has passed may not fail again.

- **L1**: the outcome. Of an execution its status, output, error and cause; of a call success or
  the error code.
- **L2**: the types of the history's events and the names of their states, in order.
- **L3**: every detail of every event, or the whole response with its messages.

A level that a recording cannot judge is not counted in that column. The recordings are the
service's answers as the test suite of LocalStack (Apache License 2.0) published them, taken
between February 2023 and March 2026.

| group | cases | L1 | L2 | L3 | passed |
|---|---:|---:|---:|---:|---:|
`, date, total.passed, total.cases)
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		io.WriteString(w, groups[g].row(g))
	}
	io.WriteString(w, total.row("**total**"))

	fmt.Fprintf(w, "\n## Known differences\n\n")
	if total.passed == total.cases {
		fmt.Fprintf(w, "None.\n")
		return nil
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(len(reasons[b]), len(reasons[a])) })
	for _, reason := range order {
		fmt.Fprintf(w, "%s (%s):\n\n", sentence(reason), cases(len(reasons[reason])))
		list(w, rs, reasons[reason])
	}
	if len(unexplained) > 0 {
		fmt.Fprintf(w, "Not explained yet (%s):\n\n", cases(len(unexplained)))
		list(w, rs, unexplained)
	}
	return nil
}

// sentence begins a text with a capital letter.
func sentence(text string) string {
	text = strings.TrimSuffix(text, ".")
	return strings.ToUpper(text[:1]) + text[1:]
}

func cases(n int) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

// list prints failing cases with the first level that each one fails.
func list(w io.Writer, rs map[string]result, ids []string) {
	for _, id := range ids {
		for _, l := range levels {
			if v := rs[id].Levels[l]; v != nil && !*v {
				fmt.Fprintf(w, "- `%s` from %s on\n", id, l)
				break
			}
		}
	}
	fmt.Fprintln(w)
}

// explanation returns the longest entry that fits a case.
func explanation(ds []difference, id string) *difference {
	var best *difference
	for i := range ds {
		d := &ds[i]
		prefix, many := strings.CutSuffix(d.Case, "*")
		if d.Case != id && !(many && strings.HasPrefix(id, prefix)) {
			continue
		}
		if best == nil || len(d.Case) > len(best.Case) {
			best = d
		}
	}
	return best
}
