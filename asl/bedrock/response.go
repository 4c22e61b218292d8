package bedrock

import (
	"fmt"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
)

// Family is a group of models whose bodies have the same shape.
type Family string

// The families. Package catalog tells which model belongs to which.
const (
	AnthropicMessages Family = "anthropic-messages"
	TitanTextFamily   Family = "titan-text"
	TitanEmbedTextV1  Family = "titan-embed-text-v1"
	TitanEmbedTextV2  Family = "titan-embed-text-v2"
	TitanEmbedImage   Family = "titan-embed-image"
	TitanImageFamily  Family = "titan-image"
	NovaText          Family = "nova-text"
	NovaCanvasFamily  Family = "nova-canvas"
	NovaEmbeddings    Family = "nova-mm-embeddings"
	CohereCommandText Family = "cohere-command"
	CohereCommandChat Family = "cohere-command-r"
	CohereEmbeddings  Family = "cohere-embed"
	CohereRerank      Family = "rerank-cohere"
	AmazonRerank      Family = "rerank-amazon"
	MetaLlama         Family = "meta-llama"
	MistralTextFamily Family = "mistral-text"
	MistralChatFamily Family = "mistral-chat"
	AI21Jurassic      Family = "ai21-j2"
	AI21Jamba         Family = "ai21-jamba"
	StabilitySDXL     Family = "stability-sdxl"
	StabilityImages   Family = "stability-image"
	DeepSeekText      Family = "deepseek-r1"
	OpenAIChat        Family = "openai-chat"
)

// Response returns what an answer of the family has.
func (f Family) Response() Response {
	return Response{family: catalog.FindFamily(string(f)), of: "family " + string(f)}
}

// Response knows where the answer of a model has its parts. Each method gives a value for
// a ResultSelector in JSONPath and for Output or Assign in JSONata. If an answer has no
// such part, or the family of the model is not known, Build says so.
type Response struct {
	family *catalog.Family
	of     string
	path   asl.Path
	expr   asl.Expr
}

// In returns the same for an answer that is somewhere else than in the result of the
// state: path and expr lead to what was the result's Body.
func (r Response) In(path asl.Path, expr asl.Expr) Response {
	r.path, r.expr = path, expr
	return r
}

// Text is the generated text. Where an answer consists of blocks of several types
// (thinking, tool use), it is the first text in JSONPath, all texts joined in JSONata.
func (r Response) Text() asl.Dynamic {
	return r.output("text", func(f *catalog.Family) catalog.Output { return f.Text })
}

// Texts is the list of all texts of an answer that consists of blocks.
func (r Response) Texts() asl.Dynamic {
	if r.family != nil && !r.family.Text.IsZero() && !r.family.Text.List() {
		return r.missing("list of texts")
	}
	d := r.output("list of texts", func(f *catalog.Family) catalog.Output { return f.Text })
	b := d.(asl.Bilingual)
	if b.Err != nil {
		return d
	}
	path, expr := r.roots()
	b.Path = asl.Path(r.family.Text.Path(path))
	b.Expr = asl.Expr("[" + r.family.Text.Blocks(expr) + "]")
	return b
}

// StopReason tells why the answer ends.
func (r Response) StopReason() asl.Dynamic {
	return r.output("stop reason", func(f *catalog.Family) catalog.Output { return f.StopReason })
}

// Embedding is the vector, an array of numbers.
func (r Response) Embedding() asl.Dynamic {
	return r.output("embedding", func(f *catalog.Family) catalog.Output { return f.Embedding })
}

// Image is the first image, in base64.
func (r Response) Image() asl.Dynamic {
	return r.output("image", func(f *catalog.Family) catalog.Output { return f.Image })
}

// Ranking is the array of {"index", "relevance_score"}, best first.
func (r Response) Ranking() asl.Dynamic {
	return r.output("ranking", func(f *catalog.Family) catalog.Output { return f.Ranking })
}

// InputTokens is the number of tokens of the question.
func (r Response) InputTokens() asl.Dynamic {
	return r.output("count of input tokens", func(f *catalog.Family) catalog.Output { return f.Usage.Input })
}

// OutputTokens is the number of tokens of the answer.
func (r Response) OutputTokens() asl.Dynamic {
	return r.output("count of output tokens", func(f *catalog.Family) catalog.Output { return f.Usage.Output })
}

// TotalTokens is the number of tokens of question and answer.
func (r Response) TotalTokens() asl.Dynamic {
	return r.output("count of all tokens", func(f *catalog.Family) catalog.Output { return f.Usage.Total })
}

// CacheReadTokens is the number of tokens that were found in the prompt cache.
func (r Response) CacheReadTokens() asl.Dynamic {
	return r.output("count of cached tokens", func(f *catalog.Family) catalog.Output { return f.Usage.CacheRead })
}

// CacheWriteTokens is the number of tokens that were put into the prompt cache.
func (r Response) CacheWriteTokens() asl.Dynamic {
	return r.output("count of cached tokens", func(f *catalog.Family) catalog.Output { return f.Usage.CacheWrite })
}

func (r Response) roots() (path, expr string) {
	path, expr = "$.Body", "$states.result.Body"
	if r.path != "" {
		path = string(r.path)
	}
	if r.expr != "" {
		expr = string(r.expr)
	}
	return path, expr
}

func (r Response) missing(what string) asl.Dynamic {
	if r.family == nil || r.family.Name == "" {
		return asl.Bilingual{Err: fmt.Errorf("where the answer of %s has its %s is not known: name its family with WithFamily", r.of, what)}
	}
	return asl.Bilingual{Err: fmt.Errorf("the answer of %s, family %s, has no %s", r.of, r.family.Name, what)}
}

func (r Response) output(what string, of func(*catalog.Family) catalog.Output) asl.Dynamic {
	if r.family == nil || of(r.family).IsZero() {
		return r.missing(what)
	}
	o := of(r.family)
	path, expr := r.roots()
	b := asl.Bilingual{Path: asl.Path(o.Path(path)), Expr: asl.Expr(o.JSONata(expr))}
	if o.List() {
		b.Path = asl.States.ArrayGetItem(b.Path, 0)
	}
	return b
}
