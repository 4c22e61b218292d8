package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// block is a fenced block of a Markdown file.
type block struct {
	language string
	line     int
	lines    []string
}

func blocks(t *testing.T, file string) []block {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []block
	open := false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case !open && strings.HasPrefix(line, "```"):
			open = true
			list = append(list, block{language: strings.TrimPrefix(line, "```"), line: i + 2})
		case open && line == "```":
			open = false
		case open:
			b := &list[len(list)-1]
			b.lines = append(b.lines, line)
		}
	}
	return list
}

// command is a line after a dollar sign and what it prints.
type command struct {
	line, output string
}

func (b block) commands() []command {
	var list []command
	for _, l := range b.lines {
		if c, ok := strings.CutPrefix(l, "$ "); ok {
			list = append(list, command{line: c})
		} else if len(list) > 0 {
			list[len(list)-1].output += l + "\n"
		}
	}
	return list
}

// TestReadme runs what the README shows. A console block is a session: what follows a
// command is all that it prints. A Go block is a program, which "go run example.go" in a
// later session runs.
func TestReadme(t *testing.T) {
	dir := t.TempDir()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(top, "workflows"), filepath.Join(dir, "workflows")); err != nil {
		t.Skipf("symbolic links are needed: %v", err)
	}
	program := filepath.Join(dir, "example.go")
	sessions := 0
	var printed []string // by command, in the order of the README
	for _, b := range blocks(t, filepath.Join(top, "README.md")) {
		switch b.language {
		case "go":
			if err := os.WriteFile(program, []byte(strings.Join(b.lines, "\n")+"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		case "console":
			for _, c := range b.commands() {
				sessions++
				cmd := exec.Command("sh", "-c", c.line)
				cmd.Dir = dir
				if c.line == "go run example.go" {
					cmd = exec.Command("go", "run", program)
					cmd.Dir = top
				}
				out, err := cmd.CombinedOutput()
				if _, failed := err.(*exec.ExitError); err != nil && !failed {
					t.Fatal(err)
				}
				printed = append(printed, string(out))
				if os.Getenv("UPDATE_SCRIPTS") != "" {
					continue
				}
				if diff := cmp.Diff(c.output, string(out)); diff != "" {
					t.Errorf("README.md:%d: $ %s (-shown +printed)\n%s", b.line, c.line, diff)
				}
			}
		}
	}
	if sessions == 0 {
		t.Error("the README shows no session")
	}
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		writeSessions(t, filepath.Join(top, "README.md"), printed)
	}
}

// writeSessions puts what the commands print into the console blocks of a file.
func writeSessions(t *testing.T, file string, printed []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	session := false
	for _, line := range strings.SplitAfter(string(text), "\n") {
		fence := strings.HasPrefix(line, "```")
		command := session && strings.HasPrefix(line, "$ ")
		if !session || fence || command {
			out.WriteString(line)
		}
		if fence {
			session = line == "```console\n"
		}
		if command {
			out.WriteString(printed[0])
			printed = printed[1:]
		}
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestMakeTargets checks that the make targets that the documents name exist.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile(`(?m)(?:^|\x60)make ([a-z]+)`)
	for _, file := range []string{"README.md", "CONTRIBUTING.md", ".ci/run"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which does not exist", file, m[1])
			}
		}
	}
}
