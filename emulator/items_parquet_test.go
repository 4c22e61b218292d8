package emulator

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

type parquetRow struct {
	Z      int64   `parquet:"z"`
	Name   *string `parquet:"name,optional"`
	Price  float32
	Big    uint64
	Ok     bool
	Tags   []string         `parquet:"tags,list"`
	Counts map[string]int32 `parquet:"counts"`
	In     struct{ Y, X float64 }
	Parts  []struct{ P, A int }
	At     time.Time `parquet:"at,timestamp(millisecond)"`
	Day    int32     `parquet:"day,date"`
	Cost   int64     `parquet:"cost,decimal(2:10)"`
	Raw    []byte
	Wide   [9]byte `parquet:"wide,decimal(1:20)"`
	Data   string  `parquet:"data,json"`
}

func parquetFile[T any](t *testing.T, compression parquet.WriterOption, rows ...T) string {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, compression)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parquetSource(key string) *ItemSource {
	return &ItemSource{Resource: getObject, Arguments: value.MustParse(`{"Bucket": "b", "Key": "` + key + `"}`), Config: &asl.ReaderConfig{InputType: "PARQUET"}}
}

func TestReadParquetItems(t *testing.T) {
	name := "né"
	row := parquetRow{Z: math.MaxInt64, Name: &name, Price: 0.1, Big: math.MaxUint64, Ok: true, Tags: []string{"a", "b"}, Counts: map[string]int32{"k": 1},
		At: time.UnixMilli(1700000000123), Day: 19000, Cost: 12345, Raw: []byte{255, 1}, Wide: [9]byte{255, 255, 255, 255, 255, 255, 255, 255, 240}, Data: `{"j": [1]}`}
	row.In.X, row.Parts = 1.5, []struct{ P, A int }{{1, 2}, {3, 4}}
	const want = `{"z":9223372036854775807,"name":"né","Price":0.1,"Big":18446744073709551615,"Ok":true,"tags":["a","b"],"counts":{"k":1},` +
		`"In":{"Y":0,"X":1.5},"Parts":[{"P":1,"A":2},{"P":3,"A":4}],"at":1700000000123,"day":19000,"cost":123.45,"Raw":[255,1],"wide":-1.6,"data":{"j":[1]}}` + "\n"
	for name, c := range map[string]parquet.WriterOption{
		"plain": parquet.Compression(&parquet.Uncompressed), "snappy": parquet.Compression(&parquet.Snappy), "gzip": parquet.Compression(&parquet.Gzip), "zstd": parquet.Compression(&parquet.Zstd),
	} {
		if got := readAll(bucket{"k": parquetFile(t, c, row)}, parquetSource("k")); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	row.Name = nil
	got := readAll(bucket{"k": parquetFile(t, parquet.Compression(&parquet.Snappy), row, row)}, parquetSource("k"))
	if got != strings.Repeat(strings.Replace(want, `"né"`, "null", 1), 2) {
		t.Error(got)
	}

	type entry struct {
		Bucket string `parquet:"bucket"`
		Size   int64  `parquet:"size"`
	}
	b := bucket{"m": `{"destinationBucket": "arn:aws:s3:::b", "fileFormat": "Parquet", "fileSchema": "message x", "files": [{"key": "1"}, {"key": "2"}]}`,
		"1": parquetFile(t, parquet.Compression(&parquet.Snappy), entry{"x", 1}), "2": parquetFile(t, parquet.Compression(&parquet.Snappy), entry{"y", 2})}
	src := parquetSource("m")
	src.Config = &asl.ReaderConfig{InputType: "MANIFEST"}
	if got := readAll(b, src); got != "{\"bucket\":\"x\",\"size\":1}\n{\"bucket\":\"y\",\"size\":2}\n" {
		t.Error(got)
	}
	for _, text := range []string{"", "PAR1", "PAR1" + strings.Repeat("x", 100) + "PAR1"} {
		if got := readAll(bucket{"k": text}, parquetSource("k")); !strings.HasPrefix(got, "States.ItemReaderFailed: the object s3://b/k is not a Parquet file that can be read: ") {
			t.Error(got)
		}
	}
	if got := readAll(bucket{}, parquetSource("k")); got != "States.ItemReaderFailed: The specified key does not exist. (Service: S3, Status Code: 404)" {
		t.Error(got)
	}
}

// TestReadBrokenParquet damages a file in many places: there must be items or an error.
func TestReadBrokenParquet(t *testing.T) {
	rows := make([]parquetRow, 20)
	for i := range rows {
		rows[i] = parquetRow{Z: int64(i), Tags: []string{fmt.Sprint(i)}, Data: "[]", At: time.UnixMilli(0)}
	}
	text := []byte(parquetFile(t, parquet.Compression(&parquet.Uncompressed), rows...))
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		bad := bytes.Clone(text)
		for range 1 + r.IntN(3) {
			bad[r.IntN(len(bad)-12)] ^= byte(1 + r.IntN(255))
		}
		readAll(bucket{"k": string(bad)}, parquetSource("k"))
	}
}

func TestReadParquetInConstantMemory(t *testing.T) {
	type entry struct {
		ID   int64
		Name string
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := parquet.NewGenericWriter[entry](f, parquet.MaxRowsPerRowGroup(20000))
	const n = 100000
	for i := range n {
		if _, err := w.Write([]entry{{int64(i), fmt.Sprint("the name of item ", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	size, _ := f.Seek(0, io.SeekEnd)
	p := &parquetItems{body: io.NopCloser(nil), buf: make([]any, parquetRows)}
	if err := p.open(f, size); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := 0; ; i++ {
		v, err := p.Next()
		if err == io.EOF && i == n {
			break
		}
		if id, _ := v.Get("ID").Int64(); err != nil || id != int64(i) {
			t.Fatal(i, v, err)
		}
		if i%20000 == 10000 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > before.HeapAlloc+16<<20 {
				t.Errorf("%d KiB are kept while reading", (now.HeapAlloc-before.HeapAlloc)>>10)
			}
		}
	}
}
