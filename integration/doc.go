// Package integration tests the server across process boundaries: with the clients that
// people use.
package integration
