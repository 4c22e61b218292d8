package main

import (
	"errors"
	"testing"
)

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLogWriter(t *testing.T) {
	full := errors.New("full")
	var err error
	complaints := 0
	w := &logWriter{w: writerFunc(func(p []byte) (int, error) { return len(p), err }), complain: func(got error) {
		if complaints++; got != full {
			t.Errorf("complains of %v", got)
		}
	}}
	for i, now := range []error{nil, full, full, nil, full} {
		err = now
		if _, got := w.Write([]byte("x")); got != now {
			t.Errorf("write %d: %v", i, got)
		}
	}
	if complaints != 2 {
		t.Errorf("complains %d times of two failures", complaints)
	}
}
