package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
)

// A page token is a number or a text (the last thing shown), sealed for one request: it is good for
// this server and for a list with the same parameters only.

func (s *Server) seal(n int64, scope string) *string {
	return s.sealText(strconv.FormatInt(n, 36), scope)
}

func (s *Server) sealText(text, scope string) *string {
	t := base64.RawURLEncoding.EncodeToString(s.mac(text, scope)) + text
	return &t
}

// unseal returns the number in a token, or none for no token.
func (s *Server) unseal(token *string, scope string, none int64) (int64, error) {
	text, err := s.unsealText(token, scope)
	if err != nil || text == "" {
		return none, err
	}
	got, err := strconv.ParseInt(text, 36, 64)
	if err != nil {
		return 0, badToken()
	}
	return got, nil
}

// unsealText returns what is in a token, "" for no token.
func (s *Server) unsealText(token *string, scope string) (string, error) {
	if token == nil {
		return "", nil
	}
	t := *token
	const n = 22 // characters of 16 bytes
	if len(t) <= n {
		return "", badToken()
	}
	mac, err := base64.RawURLEncoding.DecodeString(t[:n])
	if err != nil || !hmac.Equal(mac, s.mac(t[n:], scope)) {
		return "", badToken()
	}
	return t[n:], nil
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
