package asl_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestRefused compiles programs that must not compile, as the service would refuse what
// they make.
func TestRefused(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command: ", err)
	}
	dirs, err := filepath.Glob("testdata/refused/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no programs", err)
	}
	want := regexp.MustCompile(`// want "(.*)"\n`)
	out, _ := exec.Command("go", "build", "./testdata/refused/...").CombinedOutput()
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, "main.go"))
			if err != nil {
				t.Fatal(err)
			}
			pattern := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(filepath.Join(dir, "main.go")) + `.*` + string(want.FindSubmatch(text)[1]))
			if !pattern.Match(out) {
				t.Errorf("the compiler says\n%s\nwhich does not match %s", out, pattern)
			}
		})
	}
}
