// Command conformance replays the recordings of the real service against the server and
// compares the result with the baseline of the repository, which may only grow.
//
//	conformance [-binary bin/sfnkit] [-update] [-group G] [-case ID] [-json results.json] [-v]
//
// The recordings and their checker are looked for in the folder that SFNKIT_SHARED names,
// else in ../shared beside the repository; the checker needs python3. Without -binary the
// server runs inside this process; with it, "BINARY serve" is started.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/emulator/server"
)

// config is one run.
type config struct {
	shared   string // the folder with conformance/check.py
	binary   string // "" for the server inside this process
	baseline string
	update   bool
	group    string
	cases    []string
	results  string // where the checker writes all results
	jobs     int
	maxWait  float64
	verbose  bool
	out      io.Writer
}

// errMissing says what a run needs and did not find.
var errMissing = errors.New("missing")

func main() {
	c := config{out: os.Stdout}
	flag.StringVar(&c.shared, "shared", sharedFolder(), "the `FOLDER` with the recordings")
	flag.StringVar(&c.binary, "binary", "", "start `FILE` serve instead of the server in this process")
	flag.StringVar(&c.baseline, "baseline", filepath.Join("integration", "conformance-baseline.json"), "the `FILE` with the levels that pass")
	flag.BoolVar(&c.update, "update", false, "add the levels that newly pass to the baseline")
	flag.StringVar(&c.group, "group", "", "only this `GROUP`")
	flag.Func("case", "only cases whose id contains this `TEXT` (repeatable)", func(s string) error { c.cases = append(c.cases, s); return nil })
	flag.StringVar(&c.results, "json", "", "write all results to `FILE`")
	flag.IntVar(&c.jobs, "jobs", 16, "cases at once")
	flag.Float64Var(&c.maxWait, "max-wait", 90, "skip cases that really wait longer, in `SECONDS`")
	flag.BoolVar(&c.verbose, "v", false, "name passing cases and every failing level")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, c)
	switch {
	case errors.Is(err, errMissing):
		fmt.Fprintln(os.Stderr, "conformance: skipped:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// sharedFolder is where the recordings are: SFNKIT_SHARED, else ../shared beside the
// module's folder.
func sharedFolder() string {
	if f := os.Getenv("SFNKIT_SHARED"); f != "" {
		return f
	}
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return filepath.Join(filepath.Dir(dir), "shared")
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return filepath.Join("..", "shared")
}

func run(ctx context.Context, c config) error {
	checker := filepath.Join(c.shared, "conformance", "check.py")
	cases := filepath.Join(c.shared, "conformance", "cases")
	if _, err := os.Stat(checker); err != nil {
		return fmt.Errorf("%w: no recordings in %s (SFNKIT_SHARED names another folder)", errMissing, c.shared)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return fmt.Errorf("%w: the checker needs python3", errMissing)
	}
	work, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	mocks, bucket := filepath.Join(work, "mocks.json"), filepath.Join(work, "s3")
	if out, err := exec.CommandContext(ctx, python, checker, "mock-config", "--cases", cases, "--out", mocks).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if err := os.Mkdir(bucket, 0o755); err != nil {
		return err
	}
	endpoint, stop, err := start(ctx, c.binary, mocks, bucket)
	if err != nil {
		return err
	}
	defer stop()

	now := filepath.Join(work, "now.json")
	args := []string{checker, "run", "--cases", cases, "--endpoint", endpoint, "--s3-dir", bucket, "--jobs", strconv.Itoa(c.jobs),
		"--max-wait", strconv.FormatFloat(c.maxWait, 'g', -1, 64), "--write-baseline", now}
	if _, err := os.Stat(c.baseline); err == nil {
		args = append(args, "--baseline", c.baseline)
	}
	if c.group != "" {
		args = append(args, "--group", c.group)
	}
	for _, id := range c.cases {
		args = append(args, "--case", id)
	}
	if c.results != "" {
		args = append(args, "--json", c.results)
	}
	if c.verbose {
		args = append(args, "-v")
	}
	check := exec.CommandContext(ctx, python, args...)
	check.Stdout, check.Stderr = c.out, c.out
	failed := check.Run()
	var exit *exec.ExitError
	if failed != nil && (!errors.As(failed, &exit) || exit.ExitCode() != 1) {
		return fmt.Errorf("the checker failed: %w", failed)
	}
	if c.update {
		return grow(c.baseline, now)
	}
	if failed != nil {
		if _, err := os.Stat(c.baseline); err == nil {
			return errors.New("levels that passed before do not pass any more")
		}
		return errors.New("not all cases pass")
	}
	return nil
}

// grow adds what passes now to a baseline.
func grow(baseline, now string) error {
	read := func(path string) (map[string][]string, error) {
		levels := make(map[string][]string)
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return levels, nil
		}
		if err == nil {
			err = json.Unmarshal(text, &levels)
		}
		return levels, err
	}
	all, err := read(baseline)
	if err != nil {
		return err
	}
	passing, err := read(now)
	if err != nil {
		return err
	}
	for id, levels := range passing {
		for _, l := range levels {
			if !slices.Contains(all[id], l) {
				all[id] = append(all[id], l)
			}
		}
		slices.Sort(all[id])
	}
	// One line a case, so that a change reads well.
	var b bytes.Buffer
	b.WriteString("{")
	ids := make([]string, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for i, id := range ids {
		name, _ := json.Marshal(id)
		levels, _ := json.Marshal(all[id])
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n%s: %s", name, levels)
	}
	b.WriteString("\n}\n")
	return os.WriteFile(baseline, b.Bytes(), 0o644)
}

// start starts a server on a free port.
func start(ctx context.Context, binary, mocks, bucket string) (endpoint string, stop func(), err error) {
	if binary != "" {
		return startBinary(ctx, binary, mocks, bucket)
	}
	config, err := calls.LoadMocks(mocks)
	if err != nil {
		return "", nil, err
	}
	s, err := server.New(server.Options{Mocks: config, Store: calls.FolderStore(bucket)})
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { s.Serve(ctx, l); close(done) }()
	return "http://" + l.Addr().String(), func() { cancel(); <-done }, nil
}

func startBinary(ctx context.Context, binary, mocks, bucket string) (string, func(), error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr := l.Addr().String()
	l.Close()
	cmd := exec.CommandContext(ctx, binary, "serve", "--addr", addr, "--mock-config", mocks, "--s3-dir", bucket)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
		}
	}()
	stop := func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
	for range 200 {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
			return "http://" + addr, stop, nil
		}
		select {
		case <-ctx.Done():
			stop()
			return "", nil, ctx.Err()
		case <-time.After(25 * time.Millisecond):
		}
	}
	stop()
	return "", nil, fmt.Errorf("%s serve does not listen on %s", binary, addr)
}
