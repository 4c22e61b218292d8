package emulator

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Store holds S3 objects: a local folder, a real endpoint, memory. It serves the item
// readers and result writers of distributed Map states and Bedrock's Input and Output.
// Implementations are safe for concurrent use.
type Store interface {
	// Get opens an object. The error wraps ErrNoObject or ErrNoBucket if there is none.
	Get(ctx context.Context, bucket, key string) (io.ReadCloser, ObjectInfo, error)
	// Put writes an object, replacing one that is there.
	Put(ctx context.Context, bucket, key, contentType string, body io.Reader) error
	// List calls yield for the objects whose keys begin with prefix, in the order of their
	// keys as UTF-8 bytes, until yield returns false.
	List(ctx context.Context, bucket, prefix string, yield func(ObjectInfo) bool) error
}

// ObjectInfo describes an S3 object.
type ObjectInfo struct {
	Key          string
	Size         int64
	ETag         string // without quotes
	ContentType  string
	LastModified time.Time
}

// What a Store says of objects that are not there.
var (
	ErrNoObject = errors.New("the specified key does not exist")
	ErrNoBucket = errors.New("the specified bucket does not exist")
)

// Item is one item of a Map.
type Item struct {
	Value  value.Value // what an iteration begins with if there is no ItemSelector
	Pair   bool        // Value is a member of an object, as {"Key": ..., "Value": ...}
	Source string      // of a distributed Map: stateData, or the address of an object or bucket
}

// stateData is the source of items that come with the input of the state.
const stateData = "STATE_DATA"

// ItemReader gives the items of a distributed Map one by one.
type ItemReader interface {
	// Next returns the next item; the error is io.EOF after the last one however often it is
	// called, or an *Error.
	Next() (Item, error)
	Close() error
}

// resultWriter takes the results of the child executions of a map run. A child whose map
// run is redriven may come again.
type resultWriter interface {
	// add takes one ended child execution, that of item or batch i.
	add(i int, x *Execution) error
	// pending takes the input of a child execution that has not begun.
	pending(input value.Value) error
	// close writes what is left, with the manifest, and returns the output of the Map state.
	close(ctx context.Context) (value.Value, *Error)
	// redriven tells that the map run goes on after all, for the nth time.
	redriven(n int)
}
