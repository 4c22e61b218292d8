package calls_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

func noon() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

// stores are all stores, each with the bucket "b".
func stores(t *testing.T) map[string]emulator.Store {
	memory := calls.NewMemoryStore(noon)
	memory.CreateBucket("b")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "b"), 0o777); err != nil {
		t.Fatal(err)
	}
	behind := calls.NewMemoryStore(noon)
	behind.CreateBucket("b")
	server := httptest.NewServer(&s3Server{store: behind})
	t.Cleanup(server.Close)
	for _, kv := range []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true"} {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	remote, err := calls.S3Store(t.Context(), calls.S3Options{Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]emulator.Store{"memory": memory, "folder": calls.FolderStore(dir), "S3": remote}
}

// s3Server speaks as much of S3 as the store needs.
type s3Server struct{ store *calls.MemoryStore }

func (s *s3Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	fail := func(err error) {
		code := "InternalError"
		switch {
		case errors.Is(err, emulator.ErrNoBucket):
			code = "NoSuchBucket"
		case errors.Is(err, emulator.ErrNoObject):
			code = "NoSuchKey"
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>m</Message></Error>", code)
	}
	switch r.Method {
	case "GET":
		if key == "" {
			s.list(w, r, bucket, fail)
			return
		}
		body, info, err := s.store.Get(r.Context(), bucket, key)
		if err != nil {
			fail(err)
			return
		}
		w.Header().Set("Content-Type", info.ContentType)
		w.Header().Set("Content-Length", fmt.Sprint(info.Size))
		w.Header().Set("ETag", `"`+info.ETag+`"`)
		w.Header().Set("Last-Modified", info.LastModified.Format(http.TimeFormat))
		io.Copy(w, body)
	case "PUT":
		if _, _, err := s.store.Get(r.Context(), bucket, "none"); errors.Is(err, emulator.ErrNoBucket) {
			fail(err)
			return
		}
		s.store.Put(r.Context(), bucket, key, r.Header.Get("Content-Type"), r.Body)
	case "DELETE":
		if err := s.store.Delete(r.Context(), bucket, key); err != nil {
			fail(err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *s3Server) list(w http.ResponseWriter, r *http.Request, bucket string, fail func(error)) {
	type content struct {
		Key, ETag, LastModified string
		Size                    int64
	}
	page := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Contents              []content
		IsTruncated           bool
		NextContinuationToken string
	}{}
	after := r.URL.Query().Get("continuation-token")
	err := s.store.List(r.Context(), bucket, r.URL.Query().Get("prefix"), func(i emulator.ObjectInfo) bool {
		if i.Key <= after {
			return true
		}
		if len(page.Contents) == 2 { // small pages
			page.IsTruncated, page.NextContinuationToken = true, page.Contents[1].Key
			return false
		}
		page.Contents = append(page.Contents, content{i.Key, `"` + i.ETag + `"`, i.LastModified.Format(time.RFC3339), i.Size})
		return true
	})
	if err != nil {
		fail(err)
		return
	}
	xml.NewEncoder(w).Encode(page)
}

func keys(t *testing.T, s emulator.Store, bucket, prefix string) string {
	var list []string
	err := s.List(t.Context(), bucket, prefix, func(i emulator.ObjectInfo) bool {
		list = append(list, fmt.Sprint(i.Key, ":", i.Size))
		if i.ETag == "" || i.LastModified.IsZero() {
			t.Errorf("%+v", i)
		}
		return true
	})
	if errors.Is(err, emulator.ErrNoBucket) {
		return "no bucket"
	}
	if err != nil {
		return err.Error()
	}
	return strings.Join(list, " ")
}

func get(t *testing.T, s emulator.Store, bucket, key string) string {
	r, info, err := s.Get(t.Context(), bucket, key)
	switch {
	case errors.Is(err, emulator.ErrNoBucket):
		return "no bucket"
	case errors.Is(err, emulator.ErrNoObject):
		return "no object"
	case err != nil:
		return err.Error()
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return err.Error()
	}
	if info.Key != key || info.Size != int64(len(text)) || info.ETag == "" || info.LastModified.IsZero() {
		t.Errorf("%+v", info)
	}
	return info.ContentType + " " + string(text)
}

func TestStores(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			equal(t, "nothing yet", keys(t, s, "b", ""), "")
			equal(t, "no object", get(t, s, "b", "a/b"), "no object")
			equal(t, "no bucket", get(t, s, "nobucket", "a"), "no bucket")
			equal(t, "no bucket to list", keys(t, s, "nobucket", ""), "no bucket")
			for _, o := range []struct{ key, contentType, text string }{
				{"a/b", "", "one"}, {"a-", "text/plain", "three"}, {"a/c/d.json", "application/json", "{}"}, {"a0", "", ""}, {"é x", "text/csv", "ü"},
				{"a/b", "text/x", "two!"}, {"a/b2.json", "text/y", "[]"},
			} {
				// Not every reader can seek.
				if err := s.Put(t.Context(), "b", o.key, o.contentType, io.MultiReader(strings.NewReader(o.text))); err != nil {
					t.Fatal(o.key, err)
				}
			}
			equal(t, "all", keys(t, s, "b", ""), "a-:5 a/b:4 a/b2.json:2 a/c/d.json:2 a0:0 é x:2")
			equal(t, "prefix", keys(t, s, "b", "a/"), "a/b:4 a/b2.json:2 a/c/d.json:2")
			equal(t, "prefix in a name", keys(t, s, "b", "a/c/d"), "a/c/d.json:2")
			equal(t, "prefix of nothing", keys(t, s, "b", "a/c/x"), "")
			equal(t, "a/b", get(t, s, "b", "a/b"), "text/x two!")
			equal(t, "a/b2.json", get(t, s, "b", "a/b2.json"), "text/y []")
			equal(t, "a/c/d.json", get(t, s, "b", "a/c/d.json"), "application/json {}")
			equal(t, "a0", get(t, s, "b", "a0"), "binary/octet-stream ")
			equal(t, "folder", get(t, s, "b", "a/c"), "no object")
			equal(t, "below an object", get(t, s, "b", "a0/x"), "no object")
			d := s.(calls.Deleter)
			for _, k := range []string{"a/b", "a/b", "none", "a/c/"} {
				if err := d.Delete(t.Context(), "b", k); err != nil {
					t.Error(k, err)
				}
			}
			equal(t, "deleted", keys(t, s, "b", "a/"), "a/b2.json:2 a/c/d.json:2")
			if err := d.Delete(t.Context(), "nobucket", "x"); !errors.Is(err, emulator.ErrNoBucket) {
				t.Error(err)
			}
			n := 0
			s.List(t.Context(), "b", "", func(emulator.ObjectInfo) bool { n++; return n < 2 })
			equal(t, "stopped listing", n, 2)
		})
	}
}

func TestFolderStore(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "secret.txt")
	os.WriteFile(outside, []byte("secret"), 0o666)
	s := calls.FolderStore(filepath.Join(dir, "s3"))
	equal(t, "no folder", get(t, s, "b", "k"), "no bucket")
	equal(t, "no folder to list", keys(t, s, "b", ""), "no bucket")
	if err := s.Put(t.Context(), "b", "k", "", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	equal(t, "Put makes the bucket", keys(t, s, "b", ""), "k:1")
	text, err := os.ReadFile(filepath.Join(dir, "s3", "b", "k"))
	if string(text) != "x" {
		t.Error(text, err)
	}
	for _, key := range []string{"../../secret.txt", "..", ".", "", "/k", "a//b", "a/../k", "k/", "a/./b", "x\x00y", strings.Repeat("n", 256)} {
		var u *calls.UnsuitableKeyError
		if err := s.Put(t.Context(), "b", key, "", strings.NewReader("x")); !errors.As(err, &u) {
			t.Errorf("Put %q: %v", key, err)
		}
		equal(t, "Get "+key, get(t, s, "b", key), "no object")
	}
	for _, bucket := range []string{"..", ".", "", "a/b", ".content-types", `a\b`} {
		equal(t, "bucket "+bucket, get(t, s, bucket, "k"), "no bucket")
		if err := s.Put(t.Context(), bucket, "k", "", strings.NewReader("x")); !errors.Is(err, emulator.ErrNoBucket) {
			t.Errorf("Put into %q: %v", bucket, err)
		}
	}
	for link, target := range map[string]string{"out": outside, "folder": dir, "in": "k", "up": "../../secret.txt"} {
		if err := os.Symlink(target, filepath.Join(dir, "s3", "b", link)); err != nil {
			t.Skip(err)
		}
	}
	for _, key := range []string{"out", "folder/secret.txt", "up"} {
		if got := get(t, s, "b", key); strings.Contains(got, "secret") && !strings.Contains(got, "escapes") {
			t.Errorf("%s: %s", key, got)
		}
		s.Put(t.Context(), "b", key, "", strings.NewReader("overwritten"))
	}
	text, _ = os.ReadFile(outside)
	equal(t, "outside", string(text), "secret")
	equal(t, "a link within", get(t, s, "b", "in"), "binary/octet-stream x")
	if got := keys(t, s, "b", ""); !strings.Contains(got, "in:1") || strings.Contains(got, "secret") {
		t.Error(got)
	}
	if got, want := mustInfo(t, s, "b", "k").ETag, "9dd4e461268c8034f5c8564e155c67a6"; got != want {
		t.Error(got)
	}
	s.Put(t.Context(), "b", "large", "", bytes.NewReader(make([]byte, 17<<20)))
	if got := mustInfo(t, s, "b", "large").ETag; !strings.HasSuffix(got, "-3") {
		t.Error(got)
	}
}

func mustInfo(t *testing.T, s emulator.Store, bucket, key string) emulator.ObjectInfo {
	r, info, err := s.Get(t.Context(), bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	return info
}

func TestStoresConcurrently(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			var mu sync.Mutex
			var seen []string
			for i := range 8 {
				wg.Go(func() {
					text := strings.Repeat(fmt.Sprint(i), 10000)
					if err := s.Put(context.Background(), "b", "k", "text/plain", strings.NewReader(text)); err != nil {
						t.Error(err)
					}
					r, _, err := s.Get(context.Background(), "b", "k")
					if err != nil {
						t.Error(err)
						return
					}
					defer r.Close()
					got, _ := io.ReadAll(r)
					mu.Lock()
					defer mu.Unlock()
					seen = append(seen, string(got))
					s.List(context.Background(), "b", "", func(emulator.ObjectInfo) bool { return true })
				})
			}
			wg.Wait()
			for _, s := range seen {
				if len(s) != 10000 || strings.Count(s, s[:1]) != 10000 {
					t.Error("an object is a mixture")
				}
			}
			if !slices.Contains(strings.Split(keys(t, s, "b", ""), " "), "k:10000") {
				t.Error(keys(t, s, "b", ""))
			}
		})
	}
}
