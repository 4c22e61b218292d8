package template

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkOrigins demands that text that is said to stand in a file stands there.
func checkOrigins(t *testing.T, name string, d *Definition) (verbatim int) {
	t.Helper()
	if d.origin == nil {
		return 0
	}
	d.origin.each(0, len(d.Text), func(s string, r run) {
		switch {
		case r.off < 0 || r.off > len(r.src.text):
			t.Errorf("%s: %s: %q comes from %s:%d, which does not exist", name, d.ID, s, r.src.name, r.off)
		case r.fixed:
		case !strings.HasPrefix(r.src.text[r.off:], s):
			t.Errorf("%s: %s: %.60q is not at %s:%s", name, d.ID, s, r.src.name, r.src.position(r.off))
		default:
			verbatim += len(s)
		}
	})
	return verbatim
}

// TestCorpusOrigins checks the places of all text that stands in the templates as it is.
func TestCorpusOrigins(t *testing.T) {
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "corpora", "validation", "templates")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the corpus of templates is not there (%v); set SFNKIT_SHARED", err)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		defs, err := Load(path, WithRoot(dir))
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for i := range defs {
			d := &defs[i]
			n := checkOrigins(t, path, d)
			least := 0.4 // the rest is escaped
			if d.Form == FormObject {
				least = 0.05 // names and punctuation are written anew
			}
			if len(d.Text) > 0 && float64(n) < least*float64(len(d.Text)) {
				t.Errorf("%s: %s: only %d of %d bytes are traced to the file", path, d.ID, n, len(d.Text))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
