package emulator

import (
	"fmt"
	"io"
	"math/big"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/sfnkit/sfnkit/asl/value"
)

// The version of parquet-go matters: v0.25.1 makes the sfnkit binary 1.9 MB larger,
// v0.32.0 with its Protocol Buffers 14 MB (17.3 to 31.2 MB, measured in November 2026).

// parquetItems gives the rows of a Parquet file as objects, members in the order of the
// columns. Texts, numbers, booleans, lists, maps and groups are what they are in JSON; so
// is a column of the logical type JSON. What the service makes of other types is not
// documented: here times and dates are the numbers that are stored, in the unit of the
// column, decimals are numbers, and bytes that are no UTF-8 are an array of numbers.
type parquetItems struct {
	file *os.File // temporary, nil if the object could be read in place
	body io.Closer
	rows *parquet.GenericReader[any]
	node parquet.Node
	buf  []any
	left []any
	done error
}

// parquetRows is how many rows are decoded at once.
const parquetRows = 32

// parquet opens a Parquet file. Such files are read from their end, so that an object
// which comes as a stream is written to a temporary file first.
func (o *dataSet) parquet(bucket, key string) (_ rows, err *Error) {
	body, info, e := o.store.Get(o.ctx, bucket, key)
	if e != nil {
		return nil, storeError(ErrorItemReaderFailed, e)
	}
	p := &parquetItems{body: body, buf: make([]any, parquetRows)}
	at, ok := body.(io.ReaderAt)
	size := info.Size
	if !ok {
		if p.file, e = os.CreateTemp("", "items-*"); e == nil {
			at = p.file
			size, e = io.Copy(p.file, body)
		}
	}
	if e == nil {
		e = p.open(at, size)
	}
	if e != nil {
		p.Close()
		return nil, unreadable("the object s3://%s/%s is not a Parquet file that can be read: %v", bucket, key, e)
	}
	return p, nil
}

// broken turns a panic of the decoder, which trusts its files more than it should, into an
// error.
func broken(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("broken data: %v", r)
	}
}

func (p *parquetItems) open(at io.ReaderAt, size int64) (err error) {
	defer broken(&err)
	f, err := parquet.OpenFile(at, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	p.node = f.Schema()
	p.rows = parquet.NewGenericReader[any](f)
	return nil
}

func (p *parquetItems) Next() (value.Value, error) {
	for len(p.left) == 0 {
		if p.done != nil {
			return value.Value{}, asReaderError(p.done)
		}
		n, err := p.read()
		p.left, p.done = p.buf[:n], err
		if n == 0 && err == nil {
			p.done = io.ErrNoProgress
		}
	}
	row := p.left[0]
	p.left = p.left[1:]
	return parquetValue(p.node, row), nil
}

func (p *parquetItems) read() (n int, err error) {
	defer broken(&err)
	clear(p.buf)
	return p.rows.Read(p.buf)
}

func (p *parquetItems) Close() error {
	if p.rows != nil {
		p.rows.Close()
	}
	if p.file != nil {
		p.file.Close()
		os.Remove(p.file.Name())
	}
	return p.body.Close()
}

// parquetValue makes JSON of what the decoder gives. The node tells the order of a group's
// columns; nil if x is not a group.
func parquetValue(node parquet.Node, x any) value.Value {
	if v, ok := decimal(node, x); ok {
		return v
	}
	switch x := x.(type) {
	case nil:
		return value.Null
	case bool:
		return value.Bool(x)
	case string:
		if !utf8.ValidString(x) {
			return parquetValue(nil, []byte(x))
		}
		return value.String(strings.Clone(x))
	case float64:
		return value.Float(x)
	case float32:
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(x), 'g', -1, 32), 64)
		return value.Float(f)
	case []byte:
		if utf8.Valid(x) {
			return value.String(string(x))
		}
	case map[string]any:
		b := value.NewBuilder(len(x))
		if node != nil && !node.Leaf() && (node.Type() == nil || node.Type().LogicalType() == nil) {
			for _, f := range node.Fields() {
				if m, ok := x[f.Name()]; ok {
					b.Set(f.Name(), parquetValue(f, m))
				}
			}
		}
		var names []string
		for k := range x {
			if b.Get(k).IsAbsent() {
				names = append(names, k)
			}
		}
		slices.Sort(names)
		for _, k := range names {
			b.Set(k, parquetValue(nil, x[k]))
		}
		return b.Object()
	}
	switch r := reflect.ValueOf(x); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if i := r.Int(); i >= 0 || !unsigned(node) {
			return value.Int(i)
		} else if r.Kind() == reflect.Int32 {
			return value.Int(int64(uint32(i)))
		} else {
			return parquetValue(nil, uint64(i))
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v, _ := value.Number(strconv.FormatUint(r.Uint(), 10))
		return v
	case reflect.Slice, reflect.Array:
		vals := make([]value.Value, r.Len())
		for i := range vals {
			vals[i] = parquetValue(node, r.Index(i).Interface())
		}
		return value.Array(vals)
	default:
		return value.String(fmt.Sprint(x))
	}
}

// unsigned reports whether a column has unsigned integers. The decoder gives the wider ones
// as signed.
func unsigned(node parquet.Node) bool {
	if node == nil || !node.Leaf() {
		return false
	}
	t := node.Type().LogicalType()
	return t != nil && t.Integer != nil && !t.Integer.IsSigned
}

// decimal gives the exact number in a column of decimals: an integer, or the bytes of one
// in two's complement, that counts in units of a power of ten.
func decimal(node parquet.Node, x any) (value.Value, bool) {
	if node == nil || !node.Leaf() {
		return value.Value{}, false
	}
	t := node.Type().LogicalType()
	if t == nil || t.Decimal == nil || t.Decimal.Scale < 0 || t.Decimal.Scale > 1000 {
		return value.Value{}, false
	}
	var unscaled big.Int
	switch r := reflect.ValueOf(x); {
	case r.CanInt():
		unscaled.SetInt64(r.Int())
	case r.Kind() == reflect.String, r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		b := r.Convert(reflect.TypeFor[[]byte]()).Bytes()
		unscaled.SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 {
			unscaled.Sub(&unscaled, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	default:
		return value.Value{}, false
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Decimal.Scale)), nil)
	return value.Number(new(big.Rat).SetFrac(&unscaled, scale).FloatString(int(t.Decimal.Scale)))
}
