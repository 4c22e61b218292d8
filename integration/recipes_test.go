package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// recipe returns the block of the README that shows how a client is pointed at a server,
// by the language of the block, for the server at an address.
func recipe(t *testing.T, language, addr string) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Serve the API\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, block, found := strings.Cut(section, "\n```"+language+"\n")
	block, _, closed := strings.Cut(block, "\n```\n")
	const usual = "http://127.0.0.1:8083"
	if !found || !closed || !strings.Contains(block, usual) {
		t.Fatalf("the README has no recipe in %s with %s", language, usual)
	}
	return strings.ReplaceAll(block, usual, "http://"+addr) + "\n"
}

// conversation returns what a client does with a server: it creates state machines, starts
// one, starts one and waits, tests a state, reads a history and deletes what it made.
func conversation(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/recipes", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// talk runs a client, which says "done" on its last line. It has no configuration but that of
// the recipe.
func talk(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name = strings.ToUpper(name); !strings.HasPrefix(name, "AWS_") && !strings.HasSuffix(name, "_PROXY") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	said := lines[len(lines)-1]
	if err != nil || !strings.HasPrefix(said, "done") {
		t.Fatalf("%v\n%s\n%s", err, out, complaints.String())
	}
	if said != "done" {
		t.Log(said)
	}
}

// cache is where CI installs the clients that are not Debian's.
func cache() string {
	if dir := os.Getenv("SFNKIT_CLIENTS"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "sfnkit", "clients")
}

// each runs a test for every program of a name that is there.
func each(t *testing.T, programs []string, f func(t *testing.T, program string)) {
	seen := map[string]bool{}
	for _, p := range programs {
		path, err := exec.LookPath(p)
		if err != nil || seen[path] {
			continue
		}
		seen[path] = true
		t.Run(path, func(t *testing.T) { f(t, path) })
	}
	if len(seen) == 0 {
		t.Skipf("none of %s is installed", strings.Join(programs, ", "))
	}
}

func TestRecipeCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the AWS CLI many times")
	}
	t.Parallel()
	each(t, []string{"/usr/bin/aws", "aws"}, func(t *testing.T, cli string) {
		t.Parallel()
		addr := serve(t)
		script := "aws() { command " + cli + ` "$@"; }` + "\nendpoint=http://" + addr + "\n" + recipe(t, "sh", addr) + conversation(t, "conversation.sh")
		talk(t, exec.CommandContext(t.Context(), "sh", "-c", script))
	})
}

func TestRecipeBoto3(t *testing.T) {
	t.Parallel()
	each(t, []string{"/usr/bin/python3", "python3"}, func(t *testing.T, python string) {
		t.Parallel()
		if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
			t.Skip("boto3 is not installed (Debian: python3-boto3)")
		}
		talk(t, exec.CommandContext(t.Context(), python, "-c", recipe(t, "python", serve(t))+conversation(t, "conversation.py")))
	})
}

func TestRecipeJavaScript(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	modules := filepath.Join(cache(), "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "@aws-sdk/client-sfn")); err != nil {
		t.Skipf("the AWS SDK for JavaScript is not installed: npm install --prefix %s @aws-sdk/client-sfn", cache())
	}
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(dir, "recipe.mjs")
	if err := os.WriteFile(file, []byte(recipe(t, "js", serve(t))+conversation(t, "conversation.js")), 0o644); err != nil {
		t.Fatal(err)
	}
	talk(t, exec.CommandContext(t.Context(), node, file))
}

func TestRecipeGo(t *testing.T) {
	t.Parallel()
	program := `package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

func main() {
` + recipe(t, "golang", serve(t)) + conversation(t, "conversation.go.txt") + "}\n"
	file := filepath.Join(t.TempDir(), "recipe.go")
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", file)
	cmd.Dir = ".."
	talk(t, cmd)
}
