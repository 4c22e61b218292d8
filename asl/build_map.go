package asl

import (
	"cmp"
	"errors"
	"fmt"
	"maps"

	"github.com/sfnkit/sfnkit/asl/value"
)

// mapping has the methods of both kinds of Map states.
type mapping[T any] struct{ *of[T] }

// ItemsPath selects the array of items; the default is the whole input. (JSONPath)
func (m mapping[T]) ItemsPath(p Path) T {
	m.d.set("ItemsPath", func(_ *assembly, e *encoder, s *State) {
		e.report("ItemsPath", e.checkPath(string(p), true))
		s.ItemsPath = string(p)
	})
	return m.self
}

// Items sets the items: an array, or an Expr that gives one. (JSONata)
func (m mapping[T]) Items(v any) T {
	m.d.template("Items", v, func(s *State) *value.Value { return &s.Items })
	return m.self
}

// ItemSelector makes the input of each iteration. The item is $$.Map.Item.Value in
// JSONPath and $states.context.Map.Item.Value in JSONata.
func (m mapping[T]) ItemSelector(template any) T {
	m.d.template("ItemSelector", template, func(s *State) *value.Value { return &s.ItemSelector })
	return m.self
}

// MaxConcurrency limits how many iterations run at the same time. 0 is no limit.
func (m mapping[T]) MaxConcurrency(n int) T {
	m.d.number("MaxConcurrency", n, 0, longestSeconds, func(s *State) *value.Value { return &s.MaxConcurrency })
	return m.self
}

// MaxConcurrencyFrom is MaxConcurrency with a Path or an Expr.
func (m mapping[T]) MaxConcurrencyFrom(x Dynamic) T {
	m.d.from("MaxConcurrency", x, false,
		func(s *State) *string { return &s.MaxConcurrencyPath }, func(s *State) *value.Value { return &s.MaxConcurrency })
	return m.self
}

func (m mapping[T]) processor(f Flow, config *ProcessorConfig) {
	m.d.set("ItemProcessor", func(b *assembly, _ *encoder, s *State) {
		c := *config
		s.ItemProcessor = &StateMachine{ProcessorConfig: &c}
		b.flow(s.ItemProcessor, f)
	})
}

// MapState is a Map state whose iterations run inside the execution.
type MapState struct {
	common[*MapState]
	following[*MapState]
	through[*MapState]
	assigning[*MapState]
	placing[*MapState]
	working[*MapState]
	mapping[*MapState]
}

func (m *MapState) flow() Flow { return m.common.flow() }

// Map makes a state that runs a flow for every item of an array, inside the execution.
func Map(name string, processor Step) *MapState {
	o := &of[*MapState]{d: newDraft(TypeMap, name)}
	o.self = &MapState{
		common[*MapState]{o}, following[*MapState]{o}, through[*MapState]{o}, assigning[*MapState]{o},
		placing[*MapState]{o}, working[*MapState]{o}, mapping[*MapState]{o},
	}
	o.self.processor(flowOf(processor), &ProcessorConfig{Mode: "INLINE"})
	return o.self
}

// ExecutionType is the type of the child executions of a distributed Map.
type ExecutionType string

// The types of executions.
const (
	StandardExecution ExecutionType = "STANDARD"
	ExpressExecution  ExecutionType = "EXPRESS"
)

// DistributedMapState is a Map state whose iterations are child executions.
type DistributedMapState struct {
	common[*DistributedMapState]
	following[*DistributedMapState]
	through[*DistributedMapState]
	assigning[*DistributedMapState]
	placing[*DistributedMapState]
	working[*DistributedMapState]
	mapping[*DistributedMapState]
}

func (m *DistributedMapState) flow() Flow { return m.common.flow() }

// DistributedMap makes a state that runs a flow as a child execution for every item of an
// array or of an object in S3, or for every batch of them.
func DistributedMap(name string, children ExecutionType, processor Step) *DistributedMapState {
	o := &of[*DistributedMapState]{d: newDraft(TypeMap, name)}
	o.self = &DistributedMapState{
		common[*DistributedMapState]{o}, following[*DistributedMapState]{o}, through[*DistributedMapState]{o}, assigning[*DistributedMapState]{o},
		placing[*DistributedMapState]{o}, working[*DistributedMapState]{o}, mapping[*DistributedMapState]{o},
	}
	if children != StandardExecution && children != ExpressExecution {
		o.d.complain("ItemProcessor.ProcessorConfig.ExecutionType", fmt.Errorf("%q is neither STANDARD nor EXPRESS", children))
	}
	o.self.processor(flowOf(processor), &ProcessorConfig{Mode: "DISTRIBUTED", ExecutionType: string(children)})
	return o.self
}

// Label sets the prefix of the Map Run's ARN, at most 40 characters.
func (m *DistributedMapState) Label(label string) *DistributedMapState {
	m.common.d.set("Label", func(_ *assembly, e *encoder, s *State) {
		if label == "" { // which would not be printed
			e.report("Label", errors.New("is empty"))
		}
		s.Label = label
	})
	return m
}

// ToleratedFailureCount sets how many items may fail before the state does.
func (m *DistributedMapState) ToleratedFailureCount(n int) *DistributedMapState {
	m.common.d.number("ToleratedFailureCount", n, 0, 10_000_000, func(s *State) *value.Value { return &s.ToleratedFailureCount })
	return m
}

// ToleratedFailureCountFrom is ToleratedFailureCount with a Path or an Expr.
func (m *DistributedMapState) ToleratedFailureCountFrom(x Dynamic) *DistributedMapState {
	m.common.d.from("ToleratedFailureCount", x, false,
		func(s *State) *string { return &s.ToleratedFailureCountPath }, func(s *State) *value.Value { return &s.ToleratedFailureCount })
	return m
}

// ToleratedFailurePercentage sets what part of the items may fail before the state does,
// from 0 to 100.
func (m *DistributedMapState) ToleratedFailurePercentage(percent float64) *DistributedMapState {
	m.common.d.set("ToleratedFailurePercentage", func(_ *assembly, e *encoder, s *State) {
		if !(percent >= 0 && percent <= 100) {
			e.report("ToleratedFailurePercentage", fmt.Errorf("%v is not from 0 to 100", percent))
		}
		s.ToleratedFailurePercentage = value.Float(percent)
	})
	return m
}

// ToleratedFailurePercentageFrom is ToleratedFailurePercentage with a Path or an Expr.
func (m *DistributedMapState) ToleratedFailurePercentageFrom(x Dynamic) *DistributedMapState {
	m.common.d.from("ToleratedFailurePercentage", x, false,
		func(s *State) *string { return &s.ToleratedFailurePercentagePath }, func(s *State) *value.Value { return &s.ToleratedFailurePercentage })
	return m
}

// ItemReader sets where the items come from, if not from the state's input.
func (m *DistributedMapState) ItemReader(r Reader) *DistributedMapState {
	m.common.d.set("ItemReader", func(_ *assembly, e *encoder, s *State) {
		if r.resource == "" {
			e.report("ItemReader", errors.New("reads nothing"))
			return
		}
		s.ItemReader = &ItemReader{Resource: r.resource}
		if len(r.config) > 0 {
			s.ItemReader.ReaderConfig = &ReaderConfig{}
			for _, f := range r.config {
				f(e, s.ItemReader.ReaderConfig)
			}
			if c := s.ItemReader.ReaderConfig; c.CSVDelimiter != "" && c.InputType != "CSV" {
				e.report("ItemReader.ReaderConfig.CSVDelimiter", fmt.Errorf("is for CSV, not for %s", cmp.Or(c.InputType, "the names of objects")))
			}
		}
		e.parameters("ItemReader", r.params, &s.ItemReader.Parameters, &s.ItemReader.Arguments)
	})
	return m
}

func (e *encoder) parameters(field string, params Object, path, jsonata *value.Value) {
	if e.lang == JSONata {
		*jsonata = e.template(field+".Arguments", params)
		return
	}
	*path = e.template(field+".Parameters", params)
}

// ItemBatcher makes child executions work on several items each.
func (m *DistributedMapState) ItemBatcher(b Batcher) *DistributedMapState {
	m.common.d.set("ItemBatcher", func(_ *assembly, e *encoder, s *State) {
		if len(b.fields) == 0 {
			e.report("ItemBatcher", errors.New("limits neither the items nor the bytes of a batch"))
		}
		s.ItemBatcher = &ItemBatcher{}
		for _, f := range b.fields {
			f(e, s.ItemBatcher)
		}
	})
	return m
}

// ResultWriter sets where the results go, if not into the state's output.
func (m *DistributedMapState) ResultWriter(w Writer) *DistributedMapState {
	m.common.d.set("ResultWriter", func(_ *assembly, e *encoder, s *State) {
		if w.params == nil && w.config == nil {
			e.report("ResultWriter", errors.New("writes nothing"))
			return
		}
		s.ResultWriter = &ResultWriter{}
		if w.config != nil {
			c := *w.config
			s.ResultWriter.WriterConfig = &c
			switch c.Transformation {
			case "NONE", "COMPACT", "FLATTEN":
			default:
				e.report("ResultWriter.WriterConfig.Transformation", fmt.Errorf("%q is not one of NONE, COMPACT, FLATTEN", c.Transformation))
			}
			if c.OutputType != "JSON" && c.OutputType != "JSONL" {
				e.report("ResultWriter.WriterConfig.OutputType", fmt.Errorf("%q is neither JSON nor JSONL", c.OutputType))
			}
		}
		if w.params != nil {
			s.ResultWriter.Resource = ServiceARN("s3", "putObject", RequestResponse)
			e.parameters("ResultWriter", w.params, &s.ResultWriter.Parameters, &s.ResultWriter.Arguments)
		}
	})
	return m
}

// Reader is where a distributed Map reads its items, made by [ReadObjects] and the other
// functions that begin with Read. The methods return a changed copy.
type Reader struct {
	resource string
	params   Object
	config   []func(e *encoder, c *ReaderConfig)
}

func readObject(inputType string, bucket, key any) Reader {
	r := Reader{resource: ServiceARN("s3", "getObject", RequestResponse), params: Object{"Bucket": bucket, "Key": key}}
	return r.with(func(_ *encoder, c *ReaderConfig) { c.InputType = inputType })
}

func (r Reader) with(f func(e *encoder, c *ReaderConfig)) Reader {
	r.config = append(r.config[:len(r.config):len(r.config)], f)
	return r
}

// ReadObjects makes the objects of a bucket whose keys have a prefix the items. Bucket and
// prefix are strings or Dynamic; with a nil prefix the items are all objects of the bucket.
func ReadObjects(bucket, prefix any) Reader {
	return Reader{resource: ServiceARN("s3", "listObjectsV2", RequestResponse), params: below(bucket, prefix)}
}

func below(bucket, prefix any) Object {
	if prefix == nil {
		return Object{"Bucket": bucket}
	}
	return Object{"Bucket": bucket, "Prefix": prefix}
}

// ReadJSON reads the items from a JSON array in S3. Bucket and key are strings or Dynamic.
func ReadJSON(bucket, key any) Reader { return readObject("JSON", bucket, key) }

// ReadJSONL reads an item from each line of a file of JSON texts.
func ReadJSONL(bucket, key any) Reader { return readObject("JSONL", bucket, key) }

// ReadParquet reads the items from a Parquet file.
func ReadParquet(bucket, key any) Reader { return readObject("PARQUET", bucket, key) }

// ReadCSV reads an item from each line of a CSV file. Without headers they are in its
// first line.
func ReadCSV(bucket, key any, headers ...string) Reader {
	return readObject("CSV", bucket, key).with(func(_ *encoder, c *ReaderConfig) { c.csvHeaders(headers) })
}

func (c *ReaderConfig) csvHeaders(headers []string) {
	c.CSVHeaderLocation = "FIRST_ROW"
	if len(headers) > 0 {
		c.CSVHeaderLocation, c.CSVHeaders = "GIVEN", headers
	}
}

// ReadInventory reads the items from the manifest of an S3 inventory.
func ReadInventory(bucket, key any) Reader { return readObject("MANIFEST", bucket, key) }

// CSVDelimiter sets what is between the fields of a CSV file: COMMA (the default), PIPE,
// SEMICOLON, SPACE or TAB.
func (r Reader) CSVDelimiter(name string) Reader {
	return r.with(func(e *encoder, c *ReaderConfig) {
		switch name {
		case "COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB":
		default:
			e.report("ItemReader.ReaderConfig.CSVDelimiter", fmt.Errorf("%q is not one of COMMA, PIPE, SEMICOLON, SPACE, TAB", name))
		}
		c.CSVDelimiter = name
	})
}

// ItemsPointer sets the JSON pointer of the array inside a JSON object.
func (r Reader) ItemsPointer(pointer string) Reader {
	return r.with(func(e *encoder, c *ReaderConfig) {
		if c.InputType != "JSON" {
			e.report("ItemReader.ReaderConfig.ItemsPointer", errors.New("is for JSON only"))
		}
		c.ItemsPointer = pointer
	})
}

// MaxItems limits how many items are read, up to 100,000,000.
func (r Reader) MaxItems(n int) Reader {
	return r.with(func(e *encoder, c *ReaderConfig) {
		if n < 1 || n > 100_000_000 {
			e.report("ItemReader.ReaderConfig.MaxItems", fmt.Errorf("%d is not from 1 to 100000000", n))
		}
		c.MaxItems = value.Int(int64(n))
	})
}

// MaxItemsFrom is MaxItems with a Path or an Expr.
func (r Reader) MaxItemsFrom(x Dynamic) Reader {
	return r.with(func(e *encoder, c *ReaderConfig) {
		e.from("ItemReader.ReaderConfig.MaxItems", x, false, &c.MaxItemsPath, &c.MaxItems)
	})
}

// AthenaManifest says that the object is not the items but the manifest of an Athena query,
// which names the files that have them in the reader's format.
func (r Reader) AthenaManifest() Reader {
	return r.with(func(e *encoder, c *ReaderConfig) {
		switch c.InputType {
		case "CSV", "JSONL", "PARQUET":
		default:
			e.report("ItemReader.ReaderConfig.ManifestType", errors.New("the files that a manifest of Athena names are CSV, JSONL or Parquet"))
		}
		c.ManifestType = "ATHENA_DATA"
	})
}

// LoadAndFlatten makes [ReadObjects] read the items from the objects that it finds, all of
// them of the type CSV, JSON, JSONL or PARQUET. CSV files without headers given have them
// in their first line.
func (r Reader) LoadAndFlatten(inputType string, headers ...string) Reader {
	return r.with(func(e *encoder, c *ReaderConfig) {
		const field = "ItemReader.ReaderConfig.Transformation"
		if c.InputType != "" {
			e.report(field, errors.New("is for ReadObjects only"))
		}
		switch inputType {
		case "CSV":
			c.csvHeaders(headers)
		case "JSON", "JSONL", "PARQUET":
			if len(headers) > 0 {
				e.report("ItemReader.ReaderConfig.CSVHeaders", fmt.Errorf("are for CSV, not for %s", inputType))
			}
		default:
			e.report(field, fmt.Errorf("%q is not one of CSV, JSON, JSONL, PARQUET", inputType))
		}
		c.InputType, c.Transformation = inputType, "LOAD_AND_FLATTEN"
	})
}

// Parameter sets a further parameter of the call to S3, such as ExpectedBucketOwner.
func (r Reader) Parameter(name string, v any) Reader {
	params := Object{}
	maps.Copy(params, r.params)
	params[name] = v
	r.params = params
	return r
}

// Batcher says how items are put together, made by [Batch], [BatchBytes] or one of them
// with From. The methods return a changed copy.
type Batcher struct {
	fields []func(e *encoder, b *ItemBatcher)
}

func (b Batcher) with(f func(e *encoder, b *ItemBatcher)) Batcher {
	b.fields = append(b.fields[:len(b.fields):len(b.fields)], f)
	return b
}

// Batch puts at most n items into a batch.
func Batch(n int) Batcher {
	return Batcher{}.with(func(e *encoder, b *ItemBatcher) {
		if n < 1 {
			e.report("ItemBatcher.MaxItemsPerBatch", fmt.Errorf("%d is below 1", n))
		}
		b.MaxItemsPerBatch = value.Int(int64(n))
	})
}

// BatchFrom is Batch with a Path or an Expr.
func BatchFrom(x Dynamic) Batcher {
	return Batcher{}.with(func(e *encoder, b *ItemBatcher) {
		e.from("ItemBatcher.MaxItemsPerBatch", x, false, &b.MaxItemsPerBatchPath, &b.MaxItemsPerBatch)
	})
}

// BatchBytes puts as many items into a batch as fit in n bytes, up to 262,144.
func BatchBytes(n int) Batcher { return Batcher{}.MaxInputBytes(n) }

// MaxInputBytes limits the bytes of a batch, up to 262,144.
func (b Batcher) MaxInputBytes(n int) Batcher {
	return b.with(func(e *encoder, b *ItemBatcher) {
		if n < 1 || n > 262_144 {
			e.report("ItemBatcher.MaxInputBytesPerBatch", fmt.Errorf("%d is not from 1 to 262144", n))
		}
		b.MaxInputBytesPerBatch = value.Int(int64(n))
	})
}

// BatchBytesFrom is BatchBytes with a Path or an Expr.
func BatchBytesFrom(x Dynamic) Batcher { return Batcher{}.MaxInputBytesFrom(x) }

// MaxInputBytesFrom is MaxInputBytes with a Path or an Expr.
func (b Batcher) MaxInputBytesFrom(x Dynamic) Batcher {
	return b.with(func(e *encoder, b *ItemBatcher) {
		e.from("ItemBatcher.MaxInputBytesPerBatch", x, false, &b.MaxInputBytesPerBatchPath, &b.MaxInputBytesPerBatch)
	})
}

// BatchInput adds the same object to every batch.
func (b Batcher) BatchInput(template any) Batcher {
	return b.with(func(e *encoder, b *ItemBatcher) { b.BatchInput = e.template("ItemBatcher.BatchInput", template) })
}

// Writer is where a distributed Map writes its results, made by [WriteTo]. The methods
// return a changed copy.
type Writer struct {
	params Object
	config *WriterConfig
}

// WriteTo writes the results to S3. Bucket and prefix are strings or Dynamic; the prefix
// may be nil.
func WriteTo(bucket, prefix any) Writer { return Writer{params: below(bucket, prefix)} }

// Format sets what the results look like: the transformation NONE, COMPACT or FLATTEN,
// and the type JSON or JSONL.
func (w Writer) Format(transformation, outputType string) Writer {
	w.config = &WriterConfig{OutputType: outputType, Transformation: transformation}
	return w
}
