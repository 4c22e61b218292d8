package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
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

// TestSnippets runs the pre-commit hook and the CI step that the README shows, on a
// definition that is right and one that is not.
func TestSnippets(t *testing.T) {
	var hooks []struct{ ID, Entry, Files string }
	text, err := os.ReadFile(filepath.Join(root, ".pre-commit-hooks.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &hooks)
	}
	if err != nil || len(hooks) != 1 {
		t.Fatalf("%d hooks: %v", len(hooks), err)
	}
	var used struct {
		Repos []struct{ Hooks []struct{ ID string } }
	}
	var steps []struct{ Run string }
	for _, b := range blocks(t, filepath.Join(root, "README.md")) {
		text := []byte(strings.Join(b.lines, "\n"))
		switch {
		case b.language != "yaml":
			continue
		case strings.Contains(b.lines[0], "pre-commit"):
			err = yaml.Unmarshal(text, &used)
		default:
			err = yaml.Unmarshal(text, &steps)
		}
		if err != nil {
			t.Fatalf("README.md:%d: %v", b.line, err)
		}
	}
	if len(used.Repos) != 1 || len(used.Repos[0].Hooks) != 1 || used.Repos[0].Hooks[0].ID != hooks[0].ID || len(steps) != 1 {
		t.Fatalf("the README uses the hooks %v and %d steps", used, len(steps))
	}
	step := regexp.MustCompile(`^go run github\.com/sfnkit/sfnkit/cmd/sfnkit@\S+`).ReplaceAllString(steps[0].Run, "sfnkit")

	for _, x := range []struct {
		next string
		code int
	}{{`"End": true`, 0}, {`"Next": "B"`, 1}} {
		dir := t.TempDir()
		definition := `{"StartAt": "A", "States": {"A": {"Type": "Pass", ` + x.next + `}}}`
		if err := os.WriteFile(filepath.Join(dir, "flow.asl.json"), []byte(definition), 0o666); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(hooks[0].Files).MatchString("flow.asl.json") {
			t.Errorf("the hook does not look at flow.asl.json")
		}
		for _, line := range []string{hooks[0].Entry + " flow.asl.json", step} {
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = dir
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != x.code {
				t.Errorf("%s: exit code %d, not %d\n%s", line, code, x.code, out)
			}
		}
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
