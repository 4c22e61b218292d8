package suite

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Difference is a place at which two values are not the same.
type Difference struct {
	Pointer   string      // a JSON pointer, "" for the whole
	Want, Got value.Value // Absent where there is nothing
}

// String returns the difference as "at POINTER: want X, got Y", in which long texts are
// cut down to where they differ.
func (d Difference) String() string {
	want, got := shown(d.Want, d.Got)
	where := ""
	if d.Pointer != "" {
		where = "at " + d.Pointer + ": "
	}
	return where + "want " + want + ", got " + got
}

// maxDifferences is how many differences are looked for.
const maxDifferences = 20

// Diff returns the first differences between two values, at most 20. If partial is set,
// objects that are got may have members that those that are wanted do not.
func Diff(want, got value.Value, partial bool) []Difference {
	var list []Difference
	diff(&list, "", want, got, partial)
	return list
}

func diff(list *[]Difference, at string, want, got value.Value, partial bool) {
	if len(*list) >= maxDifferences {
		return
	}
	add := func(at string, want, got value.Value) {
		if len(*list) < maxDifferences {
			*list = append(*list, Difference{at, want, got})
		}
	}
	switch {
	case want.IsObject() && got.IsObject():
		for k, w := range want.Members() {
			if g := got.Get(k); !got.Has(k) {
				add(at+"/"+escape(k), w, value.Value{})
			} else {
				diff(list, at+"/"+escape(k), w, g, partial)
			}
		}
		if partial {
			return
		}
		for k, g := range got.Members() {
			if !want.Has(k) {
				add(at+"/"+escape(k), value.Value{}, g)
			}
		}
	case want.IsArray() && got.IsArray():
		for i := range max(want.Len(), got.Len()) {
			at := at + "/" + strconv.Itoa(i)
			switch {
			case i >= want.Len():
				add(at, value.Value{}, got.At(i))
			case i >= got.Len():
				add(at, want.At(i), value.Value{})
			default:
				diff(list, at, want.At(i), got.At(i), partial)
			}
		}
	case !value.Equal(want, got):
		add(at, want, got)
	}
}

func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// lookup follows a JSON pointer that Diff made.
func lookup(v value.Value, pointer string) value.Value {
	if pointer == "" {
		return v
	}
	for name := range strings.SplitSeq(pointer[1:], "/") {
		if v.IsArray() {
			i, err := strconv.Atoi(name)
			if err != nil || i >= v.Len() {
				return value.Value{}
			}
			v = v.At(i)
			continue
		}
		v = v.Get(strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
	}
	return v
}

// maxShown is how many bytes of a value are shown.
const maxShown = 160

// shown prints two values so that their difference can be seen.
func shown(want, got value.Value) (string, string) {
	w, g := text(want), text(got)
	if len(w) <= maxShown && len(g) <= maxShown {
		return w, g
	}
	same := 0
	for same < len(w) && same < len(g) && w[same] == g[same] {
		same++
	}
	return around(w, same), around(g, same)
}

// around returns the part of a text around a place.
func around(s string, place int) string {
	from := max(place-maxShown/4, 0)
	if len(s) <= maxShown {
		from = 0
	}
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	out := clip(s[from:], maxShown)
	if from > 0 {
		out = "…" + out
	}
	return out
}

// clip returns the beginning of a text.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:n], len(s))
}

func text(v value.Value) string {
	if v.IsAbsent() {
		return "nothing"
	}
	return v.JSON()
}
