package asl

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// processor checks the ItemProcessor or Iterator of a Map state.
func (v *validator) processor(st *scope, n *node, loc string) {
	if !v.isObject(st, n, loc) {
		return
	}
	express, distributed := st.express, false
	if cfg := n.get("ProcessorConfig"); cfg != nil && v.isObject(st, cfg, loc+"/ProcessorConfig") {
		at := loc + "/ProcessorConfig"
		mode, execution := cfg.get("Mode"), cfg.get("ExecutionType")
		distributed = mode.str() == "DISTRIBUTED"
		fields := []string{"Mode", "ExecutionType"}
		if !distributed && !v.unknown(mode) {
			fields = fields[:1]
		}
		v.onlyFields(st, cfg, at, fields)
		if mode != nil {
			v.oneOf(st, mode, at+"/Mode", "INLINE", "DISTRIBUTED")
		}
		if distributed {
			if st.express {
				v.refuse(st, mode, at+"/Mode", "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines")
			}
			v.required(st, cfg, at, "ExecutionType")
		}
		if execution != nil && (distributed || v.unknown(mode)) {
			v.oneOf(st, execution, at+"/ExecutionType", "STANDARD", "EXPRESS")
			express = express || execution.str() == string(Express)
		}
	}
	v.inner(st, n, loc, processorFields, express, distributed)
}

var (
	inputTypes       = []string{"CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"}
	delimiters       = []string{"COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"}
	readerFields     = []string{"Comment", "Resource", "ReaderConfig", "Parameters", "Arguments"}
	readerConfig     = []string{"InputType", "Transformation", "ManifestType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "MaxItems", "MaxItemsPath", "ItemsPointer"}
	batcherFields    = []string{"MaxItemsPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", "BatchInput"}
	writerFields     = []string{"WriterConfig", "Resource", "Parameters", "Arguments"}
	writerConfig     = []string{"OutputType", "Transformation"}
	readerOperations = []string{"s3:getObject", "s3:listObjectsV2"}
	writerOperations = []string{"s3:putObject"}
)

// fixedResource checks the Resource of an ItemReader or a ResultWriter.
func (v *validator) fixedResource(st *scope, n *node, loc string, operations []string) {
	if n == nil || v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	r := ParseResource(n.str())
	if r.Kind != Optimized || r.Pattern != RequestResponse || !slices.Contains(operations, r.Service+":"+r.Action) {
		v.refuseAs(CodeSchema, st, n, loc, "The field 'Resource' does not match any of the allowed values", "use arn:aws:states:::"+strings.Join(operations, " or arn:aws:states:::"))
	}
}

// parametersOrArguments checks the parameters of a reader or a writer.
func (v *validator) parametersOrArguments(st *scope, n *node, loc string) {
	for _, name := range [...]string{"Parameters", "Arguments"} {
		k := n.get(name)
		if k == nil {
			continue
		}
		if (name == "Arguments") != (st.lang == JSONata) {
			v.otherLanguage(st, k, loc, name)
			continue
		}
		if v.objectOrExpression(st, k, loc+"/"+name) {
			v.template(st, k, loc+"/"+name)
		}
	}
}

// objectOrExpression refuses parameters that cannot be an object. Expressions in them are
// looked at by [validator.template].
func (v *validator) objectOrExpression(st *scope, n *node, loc string) bool {
	if v.unknown(n) || st.lang == JSONata && v.isExpression(n) {
		return true
	}
	return v.isObject(st, n, loc)
}

func (v *validator) itemReader(st *scope, n *node, loc string) {
	if !v.isObject(st, n, loc) {
		return
	}
	v.onlyFields(st, n, loc, readerFields)
	v.required(st, n, loc, "Resource")
	resource := n.get("Resource")
	v.fixedResource(st, resource, loc+"/Resource", readerOperations)
	v.parametersOrArguments(st, n, loc)
	cfg := n.get("ReaderConfig")
	if cfg == nil || !v.isObject(st, cfg, loc+"/ReaderConfig") {
		return
	}
	loc += "/ReaderConfig"
	v.onlyFields(st, cfg, loc, readerConfig)
	// What goes with what was recorded (github.com/gabrielmoreira/tiny-asl-machine,
	// Validation.ItemReader, 2026); that an inventory has no InputType is in the guide.
	input := cfg.get("InputType")
	reads := strings.HasSuffix(resource.str(), "s3:getObject")
	switch {
	case input != nil:
	case cfg.get("Transformation").str() == "LOAD_AND_FLATTEN":
		v.refuse(st, cfg, loc, "The field 'InputType' is required")
	case reads && cfg.get("ManifestType").str() != "S3_INVENTORY":
		v.required(st, cfg, loc, "InputType")
	}
	noCSV := input != nil && !v.unknown(input) && input.str() != "CSV" && input.str() != "MANIFEST"
	for i := range cfg.kids {
		k := &cfg.kids[i]
		at := loc + "/" + k.name
		switch k.name {
		case "InputType":
			v.oneOf(st, k, at, inputTypes...)
		case "CSVHeaderLocation":
			v.oneOf(st, k, at, "FIRST_ROW", "GIVEN")
			if noCSV {
				v.unsupported(st, k, loc, k.name, nil)
			}
		case "CSVDelimiter":
			v.oneOf(st, k, at, delimiters...)
		case "CSVHeaders":
			if noCSV {
				v.unsupported(st, k, loc, k.name, nil)
			}
			if v.isArray(st, k, at) {
				for j := range k.kids {
					v.text(st, &k.kids[j], index(at, j))
				}
			}
		case "Transformation":
			v.oneOf(st, k, at, "NONE", "LOAD_AND_FLATTEN")
		case "ManifestType":
			v.oneOf(st, k, at, "S3_INVENTORY", "ATHENA_DATA")
			if input.str() == "JSON" {
				v.unsupported(st, k, loc, k.name, nil)
			}
		case "MaxItems":
			v.integerHere(st, k, at, 0)
		case "MaxItemsPath":
			v.pathHere(st, k, loc)
		case "ItemsPointer":
			v.text(st, k, at)
			if p := k.str(); p != "" && p[0] != '/' && !v.unknown(k) && !(st.lang == JSONata && v.isExpression(k)) {
				v.refuse(st, k, at, "Invalid input: JSON Pointer expression must start with '/': \""+p+"\"")
			}
		}
	}
	v.atMostOne(st, cfg, loc, "MaxItems", "MaxItemsPath")
	header := cfg.get("CSVHeaderLocation")
	if input.str() == "CSV" && header == nil {
		v.refuse(st, cfg, loc, "The field 'CSVHeaderLocation' is required")
	}
	if header.str() == "GIVEN" {
		v.required(st, cfg, loc, "CSVHeaders")
	}
}

// integerHere checks a number in a field of a Map state's parts.
func (v *validator) integerHere(st *scope, n *node, loc string, least int64) {
	if st.lang == JSONata && n.kind == value.KindString && !v.unknown(n) {
		if v.expressionOnly(st, n, loc, "INTEGER") {
			v.expressions(st, n, loc)
		}
		return
	}
	v.integer(st, n, loc, least, noMaximum)
}

// pathHere checks a path in a field of a Map state's parts, which is for JSONPath only.
func (v *validator) pathHere(st *scope, n *node, loc string) {
	if st.lang == JSONata {
		v.otherLanguage(st, n, loc, n.name)
		return
	}
	v.referencePath(st, n, loc+"/"+n.name)
}

func (v *validator) itemBatcher(st *scope, n *node, loc string) {
	if !v.isObject(st, n, loc) {
		return
	}
	v.onlyFields(st, n, loc, batcherFields)
	v.atMostOne(st, n, loc, "MaxItemsPerBatch", "MaxItemsPerBatchPath")
	v.atMostOne(st, n, loc, "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath")
	if given(n, batcherFields[:4]) == 0 {
		v.refuseAs(CodeSchema, st, n, loc, "At least one of the following fields is required: "+fieldList(batcherFields[:4]), "")
	}
	for i := range n.kids {
		k := &n.kids[i]
		at := loc + "/" + k.name
		switch k.name {
		case "MaxItemsPerBatch", "MaxInputBytesPerBatch":
			v.integerHere(st, k, at, 1)
		case "MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath":
			v.pathHere(st, k, loc)
		case "BatchInput":
			if v.objectOrExpression(st, k, at) {
				v.template(st, k, at)
			}
		}
	}
}

func (v *validator) resultWriter(st *scope, n *node, loc string) {
	if !v.isObject(st, n, loc) {
		return
	}
	v.onlyFields(st, n, loc, writerFields)
	v.parametersOrArguments(st, n, loc)
	resource, cfg := n.get("Resource"), n.get("WriterConfig")
	arguments := "Parameters"
	if st.lang == JSONata {
		arguments = "Arguments"
	}
	switch {
	case resource != nil:
		v.fixedResource(st, resource, loc+"/Resource", writerOperations)
		v.required(st, n, loc, arguments)
	case n.get(arguments) != nil || cfg == nil:
		v.required(st, n, loc, "Resource")
	}
	if cfg == nil || !v.isObject(st, cfg, loc+"/WriterConfig") {
		return
	}
	loc += "/WriterConfig"
	v.onlyFields(st, cfg, loc, writerConfig)
	v.required(st, cfg, loc, "OutputType")
	if k := cfg.get("OutputType"); k != nil {
		v.oneOf(st, k, loc+"/OutputType", "JSON", "JSONL")
	}
	if k := cfg.get("Transformation"); k != nil {
		v.oneOf(st, k, loc+"/Transformation", "NONE", "COMPACT", "FLATTEN")
	}
}

// The characters that a Label may not have (developer guide, "Distributed mode", Label),
// besides white space and control characters.
const noLabel = `?*<>{}[]:;,\|^~$#%&` + "`\"/"

func (v *validator) label(st *scope, n *node, loc string) {
	if v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	s := n.str()
	bad := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7F && r <= 0x9F || strings.ContainsRune(noLabel, r) || unicode.IsSpace(r)
	})
	switch {
	case s == "":
		v.refuseAs(CodeInvalidLabel, st, n, loc, "Label cannot be empty", "")
	case utf8.RuneCountInString(s) > maxLabel:
		v.refuseAs(CodeInvalidLabel, st, n, loc, "Invalid Label name: Label '"+s+"' exceeds the 40-character limit allowed by the service", "")
	case bad >= 0:
		r, _ := utf8.DecodeRuneInString(s[bad:])
		v.refuseAs(CodeInvalidLabel, st, n, loc, "Label contains the invalid character "+strconv.QuoteRune(r), "")
	case v.labels[s]:
		v.refuseAs(CodeDuplicateLabel, st, n, loc, "Duplicate Label name: "+s, "")
	}
	v.labels[s] = true
}

// reservedErrors are the error names that the language reserves (Amazon States Language,
// appendix A, the developer guide's page on errors, and what the service was recorded with).
var reservedErrors = []string{
	"States.ALL", "States.BranchFailed", "States.DataLimitExceeded", "States.ExceedToleratedFailureThreshold",
	"States.HeartbeatTimeout", "States.Http.Socket", "States.IntrinsicFailure", "States.ItemReaderFailed",
	"States.NoChoiceMatched", "States.ParameterPathFailure", "States.Permissions", "States.QueryEvaluationError",
	"States.ReferencePathConflict", "States.ResultPathMatchFailure", "States.ResultWriterFailed", "States.Runtime", "States.TaskFailed", "States.Timeout",
}

// isReservedError reports whether the language has an error of that name. An HTTP task that
// gets another status than 2xx fails with States.Http.StatusCode. and the status.
func isReservedError(name string) bool {
	return slices.Contains(reservedErrors, name) || strings.HasPrefix(name, "States.Http.")
}

func (v *validator) retry(st *scope, n *node, loc string) {
	v.handlers(st, n, loc, []string{"Comment", "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}, "ErrorEquals")
}

func (v *validator) catch(st *scope, n *node, loc string) {
	v.handlers(st, n, loc, []string{"Comment", "ErrorEquals", "Next", "ResultPath", "Assign", "Output"}, "ErrorEquals", "Next")
}

// handlers checks a list of retriers or catchers.
func (v *validator) handlers(st *scope, n *node, loc string, fields []string, required ...string) {
	if !v.isArray(st, n, loc) {
		return
	}
	for i := range n.kids {
		h := &n.kids[i]
		at := index(loc, i)
		if !v.isObject(st, h, at) {
			continue
		}
		v.onlyFields(st, h, at, fields)
		v.required(st, h, at, required...)
		for j := range h.kids {
			k := &h.kids[j]
			where := at + "/" + k.name
			switch k.name {
			case "Comment", "Next":
				v.text(st, k, where)
			case "ErrorEquals":
				v.errorNames(st, k, where, i == len(n.kids)-1)
			case "IntervalSeconds":
				v.integer(st, k, where, 0, maxSeconds) // 0 was measured to be accepted
			case "MaxAttempts":
				v.integer(st, k, where, 0, maxSeconds)
			case "BackoffRate":
				v.number(st, k, where, 1, noMaximum)
			case "MaxDelaySeconds":
				v.integer(st, k, where, 1, maxDelay)
			case "JitterStrategy":
				v.oneOf(st, k, where, "NONE", "FULL")
			case "ResultPath":
				if st.lang == JSONata {
					v.otherLanguage(st, k, at, k.name)
				} else {
					v.resultPath(st, k, where)
				}
			case "Output":
				if st.lang == JSONPath {
					v.otherLanguage(st, k, at, k.name)
				} else {
					v.template(st, k, where)
				}
			case "Assign":
				v.assign(st, k, where)
			}
		}
	}
}

func (v *validator) errorNames(st *scope, n *node, loc string, last bool) {
	if !v.isArray(st, n, loc) {
		return
	}
	if len(n.kids) == 0 {
		v.refuse(st, n, loc, "Value cannot be empty")
	}
	for i := range n.kids {
		k := &n.kids[i]
		if v.unknown(k) || !v.isString(st, k, index(loc, i)) {
			continue
		}
		name := k.str()
		if name == "States.ALL" && (len(n.kids) > 1 || !last) {
			v.refuse(st, k, index(loc, i), "States.ALL must appear alone and at end of list")
		}
	}
}
