// Command fuzz runs every fuzz test of the module, one after the other, each for a time.
//
//	fuzz -time 4s
//
// It exists because of a race in Go's fuzzing coordinator (go.dev/issue/75804, mended in Go
// 1.27): when the time is up, "go test -fuzz" now and then fails with "context deadline
// exceeded" though no input failed. Such an end counts as passed here, and nothing else does.
//
// Inputs that reach new code are made smaller for a second, not for a minute as is usual:
// short runs would do little else.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	limit := flag.Duration("time", 30*time.Second, "how `long` each test runs")
	root := flag.String("root", ".", "the `FOLDER` of the module")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *root, *limit, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, limit time.Duration, out io.Writer) error {
	targets, err := findTargets(root)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("there are no fuzz tests under " + root)
	}
	var failed []string
	for _, t := range targets {
		fmt.Fprintln(out, t.folder, t.name)
		var printed bytes.Buffer
		c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", limit.String(), "-fuzzminimizetime", "1s", "./"+t.folder)
		c.Dir = root
		c.Stdout = io.MultiWriter(out, &printed)
		c.Stderr = c.Stdout
		switch err := c.Run(); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
		case timeWasUp(printed.String()):
			fmt.Fprintln(out, "no input failed: the time was up (go.dev/issue/75804)")
		default:
			failed = append(failed, t.folder+" "+t.name)
		}
	}
	if failed != nil {
		return errors.New("failed: " + strings.Join(failed, ", "))
	}
	fmt.Fprintln(out, len(targets), "fuzz tests passed")
	return nil
}

// target is one fuzz test. The folder is relative to the module's, with slashes.
type target struct {
	folder, name string
}

var declared = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(\w+ \*testing\.F\)`)

// findTargets reads the names of the fuzz tests from the module's test files.
func findTargets(root string) ([]target, error) {
	var targets []target
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range declared.FindAllSubmatch(text, -1) {
			targets = append(targets, target{filepath.ToSlash(folder), string(m[1])})
		}
		return nil
	})
	return targets, err
}

var (
	onlyDeadline = regexp.MustCompile(`(?m)^--- FAIL: Fuzz\w+ \(\S+\)\n    context deadline exceeded\nFAIL$`)
	finding      = regexp.MustCompile(`Failing input written to|failure while testing seed corpus entry|panic:|fatal error:|hung or terminated|DATA RACE`)
)

// timeWasUp tells whether what a failed "go test -fuzz" printed says that the time was up and
// no more. An input that fails is always written to a file, and its path printed.
func timeWasUp(printed string) bool {
	return onlyDeadline.MatchString(printed) && !finding.MatchString(printed)
}
