package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
)

// A page token is a number (the last thing shown), sealed for one request: it is good for
// this server and for a list with the same parameters only.

func (s *Server) seal(n int64, scope string) *string {
	text := strconv.FormatInt(n, 36)
	t := base64.RawURLEncoding.EncodeToString(s.mac(text, scope)) + text
	return &t
}

// unseal returns the number in a token, or none for no token.
func (s *Server) unseal(token *string, scope string, none int64) (int64, error) {
	if token == nil {
		return none, nil
	}
	t := *token
	const n = 22 // characters of 16 bytes
	if len(t) <= n {
		return 0, badToken()
	}
	mac, err := base64.RawURLEncoding.DecodeString(t[:n])
	if err != nil || !hmac.Equal(mac, s.mac(t[n:], scope)) {
		return 0, badToken()
	}
	got, err := strconv.ParseInt(t[n:], 36, 64)
	if err != nil {
		return 0, badToken()
	}
	return got, nil
}

func (s *Server) mac(text, scope string) []byte {
	h := hmac.New(sha256.New, s.secret[:])
	h.Write([]byte(text))
	h.Write([]byte{0})
	h.Write([]byte(scope))
	return h.Sum(nil)[:16]
}

// pageLimit is how much a page may hold.
func pageLimit(maxResults int32) int {
	if maxResults <= 0 {
		return 100
	}
	return int(maxResults)
}
