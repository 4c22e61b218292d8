package main

import (
	"os"
	"syscall"
)

// peakMemory returns how much memory a process had at most, in bytes.
func peakMemory(s *os.ProcessState) int64 {
	if u, ok := s.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss << 10
	}
	return 0
}
