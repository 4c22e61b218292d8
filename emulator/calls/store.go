package calls

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sfnkit/sfnkit/emulator"
)

// binaryContent is the content type of an object that was written without one, as in S3.
const binaryContent = "binary/octet-stream"

// Deleter is a [emulator.Store] that can also delete objects.
type Deleter interface {
	// Delete deletes an object. It is no error if there is none, but one if there is no
	// such bucket.
	Delete(ctx context.Context, bucket, key string) error
}

// MemoryStore keeps objects in memory. The zero MemoryStore has no buckets; Put makes the
// bucket it writes to.
type MemoryStore struct {
	mu      sync.RWMutex
	buckets map[string]map[string]*memoryObject
	now     func() time.Time
}

type memoryObject struct {
	text []byte
	info emulator.ObjectInfo
}

// NewMemoryStore returns an empty store. The clock gives the times of modification; nil
// means the real one.
func NewMemoryStore(clock func() time.Time) *MemoryStore {
	return &MemoryStore{now: clock}
}

// CreateBucket makes an empty bucket, if there is none of that name.
func (s *MemoryStore) CreateBucket(bucket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets == nil {
		s.buckets = make(map[string]map[string]*memoryObject)
	}
	if s.buckets[bucket] == nil {
		s.buckets[bucket] = make(map[string]*memoryObject)
	}
}

func (s *MemoryStore) bucket(name string) (map[string]*memoryObject, error) {
	b := s.buckets[name]
	if b == nil {
		return nil, fmt.Errorf("bucket %q: %w", name, emulator.ErrNoBucket)
	}
	return b, nil
}

// Get implements [emulator.Store].
func (s *MemoryStore) Get(_ context.Context, bucket, key string) (io.ReadCloser, emulator.ObjectInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, err := s.bucket(bucket)
	if err != nil {
		return nil, emulator.ObjectInfo{}, err
	}
	o := b[key]
	if o == nil {
		return nil, emulator.ObjectInfo{}, fmt.Errorf("s3://%s/%s: %w", bucket, key, emulator.ErrNoObject)
	}
	return io.NopCloser(bytes.NewReader(o.text)), o.info, nil
}

// Put implements [emulator.Store].
func (s *MemoryStore) Put(_ context.Context, bucket, key, contentType string, body io.Reader) error {
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if contentType == "" {
		contentType = binaryContent
	}
	now := time.Now
	if s.now != nil {
		now = s.now
	}
	sum := md5.Sum(text)
	o := &memoryObject{text: text, info: emulator.ObjectInfo{
		Key: key, Size: int64(len(text)), ETag: hex.EncodeToString(sum[:]), ContentType: contentType, LastModified: now().UTC().Truncate(time.Second),
	}}
	s.CreateBucket(bucket)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[bucket][key] = o
	return nil
}

// List implements [emulator.Store].
func (s *MemoryStore) List(_ context.Context, bucket, prefix string, yield func(emulator.ObjectInfo) bool) error {
	s.mu.RLock()
	b, err := s.bucket(bucket)
	var infos []emulator.ObjectInfo
	for k, o := range b {
		if strings.HasPrefix(k, prefix) {
			infos = append(infos, o.info)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(infos, func(a, b emulator.ObjectInfo) int { return strings.Compare(a.Key, b.Key) })
	for _, i := range infos {
		if !yield(i) {
			break
		}
	}
	return err
}

// Delete implements [Deleter].
func (s *MemoryStore) Delete(_ context.Context, bucket, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bucket(bucket)
	delete(b, key)
	return err
}

// folderStore keeps objects in files: DIR/BUCKET/KEY.
type folderStore struct {
	dir  string
	root *os.Root
	mu   sync.Mutex // of root
}

// FolderStore keeps the object s3://BUCKET/KEY in the file DIR/BUCKET/KEY. Each folder in
// DIR is a bucket; Put makes the one it writes to. Nothing outside of DIR is read or
// written: keys that lead out of it, by ".." or by a symbolic link, are refused, and so are
// the few keys that cannot be the name of a file (with empty elements, "." or "..", or
// more than 255 bytes between two slashes).
//
// The content type of an object that has another one than binary/octet-stream is kept in
// DIR/.content-types/BUCKET/KEY; without such a file the type is told by the name for
// .json, .jsonl, .csv and .txt. The ETag is the MD5 sum of the content, as in S3 for
// objects that were written at once; that of an object above 16 MiB is opaque, as there for
// those that were written in parts.
//
// DIR need not exist before the first Put.
func FolderStore(dir string) emulator.Store { return &folderStore{dir: dir} }

// Objects up to maxSummed bytes have an MD5 sum as their ETag; others look as if they had
// been written in parts of partSize.
const (
	maxSummed = 16 << 20
	partSize  = 8 << 20
)

// contentTypes is the folder of content types. No bucket can have this name.
const contentTypes = ".content-types"

var typesByName = map[string]string{".json": "application/json", ".jsonl": "application/jsonl", ".csv": "text/csv", ".txt": "text/plain"}

func (s *folderStore) open(create bool) (*os.Root, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root != nil {
		return s.root, nil
	}
	if create {
		if err := os.MkdirAll(s.dir, 0o777); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", s.dir, emulator.ErrNoBucket)
	}
	s.root = root
	return root, err
}

// checkBucket says whether a name can be a folder in the store.
func checkBucket(bucket string) error {
	if bucket == "" || bucket[0] == '.' || strings.ContainsAny(bucket, "/\\\x00:") {
		return fmt.Errorf("bucket %q: %w", bucket, emulator.ErrNoBucket)
	}
	return nil
}

// UnsuitableKeyError says that a key cannot be the name of a file.
type UnsuitableKeyError struct{ Bucket, Key string }

func (e *UnsuitableKeyError) Error() string {
	return fmt.Sprintf("s3://%s/%s: this key cannot be the name of a file in a folder store", e.Bucket, e.Key)
}

// name returns the path of an object below the folder.
func name(bucket, key string) (string, error) {
	if err := checkBucket(bucket); err != nil {
		return "", err
	}
	ok := key != "" && len(key) <= 1024 && !strings.ContainsRune(key, 0) && fs.ValidPath(key) && key != "."
	for e := range strings.SplitSeq(key, "/") {
		ok = ok && len(e) <= 255
	}
	if !ok {
		return "", &UnsuitableKeyError{bucket, key}
	}
	return bucket + "/" + key, nil
}

// missing tells a missing bucket from a missing object.
func (s *folderStore) missing(root *os.Root, bucket, key string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) && !isNotDir(err) {
		return err
	}
	if fi, err := root.Stat(bucket); err != nil || !fi.IsDir() {
		return fmt.Errorf("bucket %q in %s: %w", bucket, s.dir, emulator.ErrNoBucket)
	}
	return fmt.Errorf("s3://%s/%s in %s: %w", bucket, key, s.dir, emulator.ErrNoObject)
}

// isNotDir reports whether a path leads through a file, so that nothing can be there.
func isNotDir(err error) bool {
	var pe *fs.PathError
	return errors.As(err, &pe) && strings.Contains(pe.Err.Error(), "not a directory")
}

func (s *folderStore) Get(_ context.Context, bucket, key string) (io.ReadCloser, emulator.ObjectInfo, error) {
	var info emulator.ObjectInfo
	p, err := name(bucket, key)
	if err != nil {
		var u *UnsuitableKeyError
		if errors.As(err, &u) {
			return nil, info, fmt.Errorf("%w: %w", err, emulator.ErrNoObject)
		}
		return nil, info, err
	}
	root, err := s.open(false)
	if err != nil {
		return nil, info, err
	}
	f, err := root.Open(p)
	if err != nil {
		return nil, info, s.missing(root, bucket, key, err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, info, s.missing(root, bucket, key, err)
	}
	info = emulator.ObjectInfo{Key: key, Size: fi.Size(), LastModified: fi.ModTime().UTC(), ContentType: s.contentType(root, p)}
	sum, parts := md5.New(), ""
	if info.Size <= maxSummed {
		if _, err = io.Copy(sum, f); err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
	} else {
		fmt.Fprint(sum, info.Size, fi.ModTime().UnixNano(), key)
		parts = fmt.Sprintf("-%d", (info.Size+partSize-1)/partSize)
	}
	info.ETag = hex.EncodeToString(sum.Sum(nil)) + parts
	if err != nil {
		f.Close()
		return nil, info, err
	}
	return f, info, nil
}

func (s *folderStore) contentType(root *os.Root, p string) string {
	if text, err := root.ReadFile(contentTypes + "/" + p); err == nil && len(text) < 256 {
		return strings.TrimSpace(string(text))
	}
	if t := typesByName[path.Ext(p)]; t != "" {
		return t
	}
	return binaryContent
}

func (s *folderStore) Put(_ context.Context, bucket, key, contentType string, body io.Reader) error {
	p, err := name(bucket, key)
	if err != nil {
		return err
	}
	root, err := s.open(true)
	if err != nil {
		return err
	}
	if err := root.MkdirAll(path.Dir(p), 0o777); err != nil {
		return err
	}
	// The object appears at once and whole, like in S3.
	tmp := path.Dir(p) + "/" + temporary()
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = s.putContentType(root, p, contentType)
	}
	if err == nil {
		err = root.Rename(tmp, p)
	}
	if err != nil {
		root.Remove(tmp)
	}
	return err
}

func (s *folderStore) putContentType(root *os.Root, p, contentType string) error {
	if contentType == "" {
		contentType = binaryContent
	}
	implied := typesByName[path.Ext(p)]
	if implied == "" {
		implied = binaryContent
	}
	if contentType == implied {
		return forget(root, contentTypes+"/"+p)
	}
	if err := root.MkdirAll(contentTypes+"/"+path.Dir(p), 0o777); err != nil {
		return err
	}
	return root.WriteFile(contentTypes+"/"+p, []byte(contentType+"\n"), 0o666)
}

// forget removes a file, if there is one.
func forget(root *os.Root, p string) error {
	err := root.Remove(p)
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return nil
	}
	return err
}

const temporaryPrefix = ".put-"

var temporaries struct {
	sync.Mutex
	n int
}

// temporary names a file that is not in use.
func temporary() string {
	temporaries.Lock()
	defer temporaries.Unlock()
	temporaries.n++
	return fmt.Sprintf("%s%d-%d", temporaryPrefix, os.Getpid(), temporaries.n)
}

// List walks the folder in the order of S3, in which "a-" comes before "a/".
func (s *folderStore) List(ctx context.Context, bucket, prefix string, yield func(emulator.ObjectInfo) bool) error {
	if err := checkBucket(bucket); err != nil {
		return err
	}
	root, err := s.open(false)
	if err != nil {
		return err
	}
	if fi, err := root.Stat(bucket); err != nil || !fi.IsDir() {
		return fmt.Errorf("bucket %q in %s: %w", bucket, s.dir, emulator.ErrNoBucket)
	}
	_, err = s.list(ctx, root, bucket, "", prefix, yield)
	return err
}

func (s *folderStore) list(ctx context.Context, root *os.Root, bucket, dir, prefix string, yield func(emulator.ObjectInfo) bool) (bool, error) {
	f, err := root.Open(path.Join(bucket, dir))
	if err != nil {
		return false, err
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return false, err
	}
	keys := make([]string, 0, len(entries))
	for _, e := range entries {
		key := dir + e.Name()
		switch {
		case e.IsDir():
			key += "/"
		case strings.HasPrefix(e.Name(), temporaryPrefix):
			continue
		case !e.Type().IsRegular():
			// A link counts if it leads to a file within the store. Links to folders could
			// lead in circles.
			if fi, err := root.Stat(path.Join(bucket, key)); err != nil || !fi.Mode().IsRegular() {
				continue
			}
		}
		if strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key) && e.IsDir() {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if strings.HasSuffix(key, "/") {
			if more, err := s.list(ctx, root, bucket, key, prefix, yield); err != nil || !more {
				return false, err
			}
			continue
		}
		r, info, err := s.Get(ctx, bucket, key)
		if errors.Is(err, emulator.ErrNoObject) {
			continue // deleted in the meantime
		}
		if err != nil {
			return false, err
		}
		r.Close()
		if !yield(info) {
			return false, nil
		}
	}
	return true, nil
}

func (s *folderStore) Delete(_ context.Context, bucket, key string) error {
	p, err := name(bucket, key)
	var u *UnsuitableKeyError
	if errors.As(err, &u) {
		return nil
	}
	if err != nil {
		return err
	}
	root, err := s.open(false)
	if err != nil {
		return err
	}
	if fi, err := root.Lstat(p); err == nil && fi.IsDir() {
		return nil
	}
	if err := root.Remove(p); err != nil {
		if err = s.missing(root, bucket, key, err); !errors.Is(err, emulator.ErrNoObject) {
			return err
		}
	}
	return forget(root, contentTypes+"/"+p)
}
