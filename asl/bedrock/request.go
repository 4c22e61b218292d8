package bedrock

import (
	"errors"
	"fmt"

	"github.com/sfnkit/sfnkit/asl"
)

// Request is a body of known shape. The types of this package that implement it have the
// members that the documents of their family name; [Body] takes anything else as it is.
type Request interface {
	families() []Family // the first one tells what is required
	body() any
}

// Message is a turn in a conversation, for the families that have one. Each writes it in
// its own form.
type Message struct {
	Role   string // user, assistant; for some families also system and tool
	Blocks []Block
}

// Block is a part of a message.
type Block struct {
	text  any // string or Dynamic
	image any // base64, string or Dynamic
	mime  string
	raw   any
	whole asl.Dynamic // in the only block of the only message: all messages
}

// Text is a text (string or Dynamic).
func Text(text any) Block { return Block{text: text} }

// Image is a picture in base64 (string or Dynamic) of the format png, jpeg, gif or webp.
func Image(format string, base64 any) Block { return Block{image: base64, mime: format} }

// RawBlock is any other block, such as a tool's result, in the form of the family.
func RawBlock(v any) Block { return Block{raw: v} }

// User is what the user says: strings, Dynamic values and Blocks.
func User(parts ...any) Message { return Message{"user", blocks(parts)} }

// Assistant is what the model has said, or how its answer must begin.
func Assistant(parts ...any) Message { return Message{"assistant", blocks(parts)} }

// Ask is a conversation of one question (string or Dynamic).
func Ask(question any) []Message { return []Message{User(question)} }

// Conversation is all messages at once, a list in the form of the family that is known only
// at run time: what was said before and is kept somewhere. No other message can stand
// beside it.
func Conversation(messages asl.Dynamic) []Message {
	if messages == nil {
		messages = asl.Bilingual{}
	}
	return []Message{{Blocks: []Block{{whole: messages}}}}
}

func blocks(parts []any) []Block {
	out := make([]Block, len(parts))
	for i, p := range parts {
		if b, ok := p.(Block); ok {
			out[i] = b
		} else {
			out[i] = Text(p)
		}
	}
	return out
}

// plain returns the text of a message that has nothing else, for families that take it
// without a block around it.
func (m Message) plain() (text any, ok bool) {
	if len(m.Blocks) == 1 && m.Blocks[0].text != nil {
		return m.Blocks[0].text, true
	}
	return nil, false
}

type message struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

// messages writes a conversation with the family's form of a block, nil if there is none.
func messages(ms []Message, plain bool, block func(Block) any) any {
	if len(ms) == 0 {
		return nil
	}
	for _, m := range ms {
		for _, b := range m.Blocks {
			switch {
			case b.whole == nil:
			case len(ms) > 1 || len(m.Blocks) > 1:
				return asl.Bilingual{Err: errors.New("a Conversation is all messages: no other can stand beside it")}
			default:
				return b.whole
			}
		}
	}
	out := make([]any, len(ms))
	for i, m := range ms {
		if text, ok := m.plain(); ok && plain {
			out[i] = message{m.Role, text}
			continue
		}
		content := make([]any, len(m.Blocks))
		for j, b := range m.Blocks {
			if b.raw != nil {
				content[j] = b.raw
			} else {
				content[j] = block(b)
			}
		}
		out[i] = message{m.Role, content}
	}
	return out
}

// optional turns an empty list into nothing, so that its member is left out.
func optional[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

// Anthropic is the Messages body of Claude models.
type Anthropic struct {
	AnthropicVersion any // string; bedrock-2023-05-31 if it is not given
	MaxTokens        any // integer, required
	System           any // string or list of blocks
	Messages         []Message
	Temperature      any // 0 to 1; newer models refuse it together with TopP
	TopP             any // 0 to 1
	TopK             any // integer
	StopSequences    []string
	Tools            any // list
	ToolChoice       any // object
	Thinking         any // object
	AnthropicBeta    []string
}

func (Anthropic) families() []Family { return []Family{AnthropicMessages} }

func (a Anthropic) body() any {
	version := a.AnthropicVersion
	if version == nil {
		version = "bedrock-2023-05-31"
	}
	return struct {
		Version       any `json:"anthropic_version"`
		MaxTokens     any `json:"max_tokens"`
		System        any `json:"system,omitempty"`
		Messages      any `json:"messages"`
		Temperature   any `json:"temperature,omitempty"`
		TopP          any `json:"top_p,omitempty"`
		TopK          any `json:"top_k,omitempty"`
		StopSequences any `json:"stop_sequences,omitempty"`
		Tools         any `json:"tools,omitempty"`
		ToolChoice    any `json:"tool_choice,omitempty"`
		Thinking      any `json:"thinking,omitempty"`
		Beta          any `json:"anthropic_beta,omitempty"`
	}{
		version, a.MaxTokens, a.System, messages(a.Messages, true, anthropicBlock), a.Temperature, a.TopP, a.TopK,
		optional(a.StopSequences), a.Tools, a.ToolChoice, a.Thinking, optional(a.AnthropicBeta),
	}
}

func anthropicBlock(b Block) any {
	if b.image != nil {
		return asl.Object{"type": "image", "source": asl.Object{"type": "base64", "media_type": "image/" + b.mime, "data": b.image}}
	}
	return struct {
		Type string `json:"type"`
		Text any    `json:"text"`
	}{"text", b.text}
}

// Nova is the body of Amazon Nova's text models.
type Nova struct {
	System        any // string
	Messages      []Message
	MaxTokens     any // integer
	Temperature   any // 0 to 1
	TopP          any // 0 to 1
	TopK          any // integer
	StopSequences []string
	ToolConfig    any // object
}

func (Nova) families() []Family { return []Family{NovaText} }

func (n Nova) body() any {
	var system any
	if n.System != nil {
		system = []any{asl.Object{"text": n.System}}
	}
	inference := struct {
		MaxTokens     any `json:"maxTokens,omitempty"`
		Temperature   any `json:"temperature,omitempty"`
		TopP          any `json:"topP,omitempty"`
		TopK          any `json:"topK,omitempty"`
		StopSequences any `json:"stopSequences,omitempty"`
	}{n.MaxTokens, n.Temperature, n.TopP, n.TopK, optional(n.StopSequences)}
	var config any
	if n.MaxTokens != nil || n.Temperature != nil || n.TopP != nil || n.TopK != nil || len(n.StopSequences) > 0 {
		config = inference
	}
	return struct {
		SchemaVersion string `json:"schemaVersion"`
		System        any    `json:"system,omitempty"`
		Messages      any    `json:"messages"`
		Inference     any    `json:"inferenceConfig,omitempty"`
		ToolConfig    any    `json:"toolConfig,omitempty"`
	}{"messages-v1", system, messages(n.Messages, false, novaBlock), config, n.ToolConfig}
}

func novaBlock(b Block) any {
	if b.image != nil {
		return asl.Object{"image": asl.Object{"format": b.mime, "source": asl.Object{"bytes": b.image}}}
	}
	return asl.Object{"text": b.text}
}

// TitanText is the body of Amazon Titan's text models.
type TitanText struct {
	InputText     any // string, required
	MaxTokenCount any // integer
	Temperature   any // 0 to 1
	TopP          any // 0 to 1
	StopSequences []string
}

func (TitanText) families() []Family { return []Family{TitanTextFamily} }

func (t TitanText) body() any {
	config := asl.Object{}
	set(config, "maxTokenCount", t.MaxTokenCount)
	set(config, "temperature", t.Temperature)
	set(config, "topP", t.TopP)
	set(config, "stopSequences", optional(t.StopSequences))
	return struct {
		InputText any        `json:"inputText"`
		Config    asl.Object `json:"textGenerationConfig,omitempty"`
	}{t.InputText, config}
}

func set(o asl.Object, name string, v any) {
	if v != nil {
		o[name] = v
	}
}

// TitanEmbedText is the body of Amazon Titan's text embedding models. Only version 2
// knows more than the text.
type TitanEmbedText struct {
	InputText      any      // string, required
	Dimensions     any      // 1024 (the default), 512 or 256
	Normalize      any      // boolean
	EmbeddingTypes []string // float, binary
}

func (t TitanEmbedText) families() []Family {
	if t.Dimensions == nil && t.Normalize == nil && t.EmbeddingTypes == nil {
		return []Family{TitanEmbedTextV1, TitanEmbedTextV2}
	}
	return []Family{TitanEmbedTextV2}
}

func (t TitanEmbedText) body() any {
	return struct {
		InputText      any `json:"inputText"`
		Dimensions     any `json:"dimensions,omitempty"`
		Normalize      any `json:"normalize,omitempty"`
		EmbeddingTypes any `json:"embeddingTypes,omitempty"`
	}{t.InputText, t.Dimensions, t.Normalize, optional(t.EmbeddingTypes)}
}

// TitanEmbedPicture is the body of Amazon Titan's multimodal embedding model: a text, a
// picture, or both.
type TitanEmbedPicture struct {
	InputText             any // string
	InputImage            any // base64
	OutputEmbeddingLength any // 1024 (the default), 384 or 256
}

func (TitanEmbedPicture) families() []Family { return []Family{TitanEmbedImage} }

func (t TitanEmbedPicture) body() any {
	var config any
	if t.OutputEmbeddingLength != nil {
		config = asl.Object{"outputEmbeddingLength": t.OutputEmbeddingLength}
	}
	return struct {
		InputText  any `json:"inputText,omitempty"`
		InputImage any `json:"inputImage,omitempty"`
		Config     any `json:"embeddingConfig,omitempty"`
	}{t.InputText, t.InputImage, config}
}

// NovaEmbedText is the body of Amazon Nova's multimodal embedding model for a text.
type NovaEmbedText struct {
	Text       any // string, required
	Purpose    any // string; GENERIC_INDEX if it is not given
	Dimensions any // integer
	Truncation any // NONE, START or END, which is the default
}

func (NovaEmbedText) families() []Family { return []Family{NovaEmbeddings} }

func (n NovaEmbedText) body() any {
	purpose, truncation := n.Purpose, n.Truncation
	if purpose == nil {
		purpose = "GENERIC_INDEX"
	}
	if truncation == nil {
		truncation = "END"
	}
	single := asl.Object{"embeddingPurpose": purpose, "text": asl.Object{"value": n.Text, "truncationMode": truncation}}
	set(single, "embeddingDimension", n.Dimensions)
	return asl.Object{"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": single}
}

// AmazonImage is the body for pictures by Nova Canvas and Titan Image Generator.
type AmazonImage struct {
	Text         any // string, required
	NegativeText any // string
	Count        any // integer
	Width        any // integer
	Height       any // integer
	Quality      any // standard or premium
	CfgScale     any // number
	Seed         any // integer
}

func (AmazonImage) families() []Family { return []Family{NovaCanvasFamily, TitanImageFamily} }

func (a AmazonImage) body() any {
	text := asl.Object{"text": a.Text}
	set(text, "negativeText", a.NegativeText)
	config := asl.Object{}
	set(config, "numberOfImages", a.Count)
	set(config, "width", a.Width)
	set(config, "height", a.Height)
	set(config, "quality", a.Quality)
	set(config, "cfgScale", a.CfgScale)
	set(config, "seed", a.Seed)
	return struct {
		TaskType string     `json:"taskType"`
		Text     asl.Object `json:"textToImageParams"`
		Config   asl.Object `json:"imageGenerationConfig,omitempty"`
	}{"TEXT_IMAGE", text, config}
}

// CohereCommand is the body of Cohere's Command models before Command R.
type CohereCommand struct {
	Prompt            any      `json:"prompt"`                       // string, required
	MaxTokens         any      `json:"max_tokens,omitempty"`         // integer
	Temperature       any      `json:"temperature,omitempty"`        // 0 to 5
	P                 any      `json:"p,omitempty"`                  // 0 to 1
	K                 any      `json:"k,omitempty"`                  // 0 to 500
	StopSequences     []string `json:"stop_sequences,omitempty"`     //
	ReturnLikelihoods any      `json:"return_likelihoods,omitempty"` // GENERATION, ALL or NONE
	NumGenerations    any      `json:"num_generations,omitempty"`    // 1 to 5
	LogitBias         any      `json:"logit_bias,omitempty"`         // object
	Truncate          any      `json:"truncate,omitempty"`           // NONE, START or END
}

func (CohereCommand) families() []Family { return []Family{CohereCommandText} }
func (c CohereCommand) body() any        { return c }

// CohereCommandR is the body of Cohere's Command R models.
type CohereCommandR struct {
	Message       any      `json:"message"`                  // string, required
	ChatHistory   any      `json:"chat_history,omitempty"`   // list of {role: USER|CHATBOT, message}
	Documents     any      `json:"documents,omitempty"`      // list of objects
	Preamble      any      `json:"preamble,omitempty"`       // string
	MaxTokens     any      `json:"max_tokens,omitempty"`     // integer
	Temperature   any      `json:"temperature,omitempty"`    // 0 to 1
	P             any      `json:"p,omitempty"`              // 0 to 1
	K             any      `json:"k,omitempty"`              // 0 to 500
	StopSequences []string `json:"stop_sequences,omitempty"` //
	Tools         any      `json:"tools,omitempty"`          // list
	ToolResults   any      `json:"tool_results,omitempty"`   // list
}

func (CohereCommandR) families() []Family { return []Family{CohereCommandChat} }
func (c CohereCommandR) body() any        { return c }

// CohereEmbed is the body of Cohere's embedding models. With EmbeddingTypes the answer has
// its vectors at another place than [Response.Embedding] says: embeddings.float and so on.
type CohereEmbed struct {
	Texts           any      `json:"texts,omitempty"`            // list of up to 96 strings
	Images          any      `json:"images,omitempty"`           // list of data URIs
	InputType       any      `json:"input_type"`                 // search_document, search_query, classification, clustering; required
	Truncate        any      `json:"truncate,omitempty"`         // NONE, START (LEFT) or END (RIGHT)
	EmbeddingTypes  []string `json:"embedding_types,omitempty"`  // float, int8, uint8, binary, ubinary
	OutputDimension any      `json:"output_dimension,omitempty"` // version 4
}

func (CohereEmbed) families() []Family { return []Family{CohereEmbeddings} }
func (c CohereEmbed) body() any        { return c }

// AmazonReranking is the body of Amazon's model that orders documents by relevance.
type AmazonReranking struct {
	Query     any `json:"query"`           // string, required
	Documents any `json:"documents"`       // list of strings, required
	TopN      any `json:"top_n,omitempty"` // integer
}

func (AmazonReranking) families() []Family { return []Family{AmazonRerank} }
func (r AmazonReranking) body() any        { return r }

// CohereReranking is the body of Cohere's models that order documents by relevance.
type CohereReranking struct {
	Query     any // string, required
	Documents any // list of strings, required
	TopN      any // integer
}

func (CohereReranking) families() []Family { return []Family{CohereRerank} }

func (r CohereReranking) body() any {
	return struct {
		Query      any `json:"query"`
		Documents  any `json:"documents"`
		TopN       any `json:"top_n,omitempty"`
		APIVersion int `json:"api_version"`
	}{r.Query, r.Documents, r.TopN, 2}
}

// Llama is the body of Meta's models. The prompt has the model's own special tokens, which
// [Llama3Prompt] writes.
type Llama struct {
	Prompt      any `json:"prompt"`                // string, required
	MaxGenLen   any `json:"max_gen_len,omitempty"` // integer
	Temperature any `json:"temperature,omitempty"` // 0 to 1
	TopP        any `json:"top_p,omitempty"`       // 0 to 1
	Images      any `json:"images,omitempty"`      // list of base64
}

func (Llama) families() []Family { return []Family{MetaLlama} }
func (l Llama) body() any        { return l }

// Llama3Prompt is the prompt that asks a Llama 3 model one question (a Path, Expr or
// Bilingual). A string can be written directly.
func Llama3Prompt(question asl.Dynamic) asl.Dynamic {
	return around("<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n", question,
		"<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")
}

// MistralPrompt is the prompt that asks a model of [MistralText] one question.
func MistralPrompt(question asl.Dynamic) asl.Dynamic {
	return around("<s>[INST] ", question, " [/INST]")
}

// around puts texts before and after a dynamic text, in either query language.
func around(before string, d asl.Dynamic, after string) asl.Dynamic {
	out := asl.Bilingual{}
	if b, ok := d.(asl.Bilingual); ok {
		out = b
	} else if x, ok := d.(asl.Expr); ok {
		out.Expr = x
	} else {
		out.Path = d
	}
	if out.Path != nil {
		out.Path = asl.States.Format(before+"{}"+after, out.Path)
	}
	if out.Expr != "" {
		out.Expr = asl.Expr(fmt.Sprintf("%q & (%s) & %q", before, string(out.Expr), after))
	}
	return out
}

// MistralText is the body of Mistral AI's first models, which complete a prompt.
type MistralText struct {
	Prompt      any      `json:"prompt"`                // string, required; see MistralPrompt
	MaxTokens   any      `json:"max_tokens,omitempty"`  // integer
	Temperature any      `json:"temperature,omitempty"` // 0 to 1
	TopP        any      `json:"top_p,omitempty"`       // 0 to 1
	TopK        any      `json:"top_k,omitempty"`       // integer
	Stop        []string `json:"stop,omitempty"`
}

func (MistralText) families() []Family { return []Family{MistralTextFamily} }
func (m MistralText) body() any        { return m }

// MistralChat is the body of Mistral AI's models since Mistral Large 2.
type MistralChat struct {
	Messages    []Message
	MaxTokens   any // integer
	Temperature any // 0 to 1
	TopP        any // 0 to 1
	Tools       any // list
	ToolChoice  any
}

func (MistralChat) families() []Family { return []Family{MistralChatFamily} }

func (m MistralChat) body() any {
	return chat{Messages: chatMessages(m.Messages), MaxTokens: m.MaxTokens, Temperature: m.Temperature, TopP: m.TopP, Tools: m.Tools, ToolChoice: m.ToolChoice}
}

// Jamba is the body of AI21's Jamba models.
type Jamba struct {
	Messages    []Message
	MaxTokens   any // integer
	Temperature any // 0 to 2
	TopP        any // 0 to 1
	Stop        []string
	N           any // integer
}

func (Jamba) families() []Family { return []Family{AI21Jamba} }

func (j Jamba) body() any {
	return chat{Messages: chatMessages(j.Messages), MaxTokens: j.MaxTokens, Temperature: j.Temperature, TopP: j.TopP, Stop: j.Stop, N: j.N}
}

// Jurassic is the body of AI21's Jurassic-2 models.
type Jurassic struct {
	Prompt        any      `json:"prompt"`                  // string, required
	MaxTokens     any      `json:"maxTokens,omitempty"`     // integer
	Temperature   any      `json:"temperature,omitempty"`   // 0 to 1
	TopP          any      `json:"topP,omitempty"`          // 0 to 1
	StopSequences []string `json:"stopSequences,omitempty"` //
}

func (Jurassic) families() []Family { return []Family{AI21Jurassic} }
func (j Jurassic) body() any        { return j }

// Chat is the body that many providers took from OpenAI: gpt-oss, Qwen, DeepSeek V3,
// Gemma, Kimi, Nemotron, GLM and others.
type Chat struct {
	Messages            []Message
	MaxCompletionTokens any // integer
	Temperature         any // 0 to 2
	TopP                any // 0 to 1
	Stop                []string
	Tools               any // list
	ToolChoice          any
	ReasoningEffort     any // low, medium or high
	ResponseFormat      any // object
}

func (Chat) families() []Family { return []Family{OpenAIChat} }

func (c Chat) body() any {
	return chat{
		Messages: chatMessages(c.Messages), MaxCompletionTokens: c.MaxCompletionTokens, Temperature: c.Temperature, TopP: c.TopP, Stop: c.Stop,
		Tools: c.Tools, ToolChoice: c.ToolChoice, ReasoningEffort: c.ReasoningEffort, ResponseFormat: c.ResponseFormat,
	}
}

type chat struct {
	Messages            any      `json:"messages"`
	MaxTokens           any      `json:"max_tokens,omitempty"`
	MaxCompletionTokens any      `json:"max_completion_tokens,omitempty"`
	Temperature         any      `json:"temperature,omitempty"`
	TopP                any      `json:"top_p,omitempty"`
	Stop                []string `json:"stop,omitempty"`
	N                   any      `json:"n,omitempty"`
	Tools               any      `json:"tools,omitempty"`
	ToolChoice          any      `json:"tool_choice,omitempty"`
	ReasoningEffort     any      `json:"reasoning_effort,omitempty"`
	ResponseFormat      any      `json:"response_format,omitempty"`
}

func chatMessages(ms []Message) any { return messages(ms, true, chatBlock) }

func chatBlock(b Block) any {
	if b.image != nil {
		var url any
		switch image := b.image.(type) {
		case asl.Dynamic:
			url = around("data:image/"+b.mime+";base64,", image, "")
		default:
			url = fmt.Sprintf("data:image/%s;base64,%v", b.mime, image)
		}
		return asl.Object{"type": "image_url", "image_url": asl.Object{"url": url}}
	}
	return struct {
		Type string `json:"type"`
		Text any    `json:"text"`
	}{"text", b.text}
}

// DeepSeek is the body of DeepSeek-R1, which completes a prompt. Later models of DeepSeek
// take [Chat].
type DeepSeek struct {
	Prompt      any      `json:"prompt"`                // string, required
	MaxTokens   any      `json:"max_tokens,omitempty"`  // 1 to 32768
	Temperature any      `json:"temperature,omitempty"` // 0 to 1
	TopP        any      `json:"top_p,omitempty"`       // 0 to 1
	Stop        []string `json:"stop,omitempty"`
}

func (DeepSeek) families() []Family { return []Family{DeepSeekText} }
func (d DeepSeek) body() any        { return d }

// StabilityImage is the body of Stability AI's current models. The services that change a
// picture take it as Image.
type StabilityImage struct {
	Prompt         any `json:"prompt,omitempty"`          // string
	Mode           any `json:"mode,omitempty"`            // text-to-image or image-to-image
	AspectRatio    any `json:"aspect_ratio,omitempty"`    // such as 16:9
	NegativePrompt any `json:"negative_prompt,omitempty"` // string
	Seed           any `json:"seed,omitempty"`            // integer
	OutputFormat   any `json:"output_format,omitempty"`   // jpeg, png, webp
	Image          any `json:"image,omitempty"`           // base64
	Strength       any `json:"strength,omitempty"`        // 0 to 1, with Image
}

func (StabilityImage) families() []Family { return []Family{StabilityImages} }
func (s StabilityImage) body() any        { return s }

// StableDiffusionXL is the body of Stability AI's SDXL models.
type StableDiffusionXL struct {
	Text        any // string, required
	CfgScale    any // 0 to 35
	Seed        any // integer
	Steps       any // 10 to 150
	Width       any // integer
	Height      any // integer
	StylePreset any // string
}

func (StableDiffusionXL) families() []Family { return []Family{StabilitySDXL} }

func (s StableDiffusionXL) body() any {
	return struct {
		TextPrompts any `json:"text_prompts"`
		CfgScale    any `json:"cfg_scale,omitempty"`
		Seed        any `json:"seed,omitempty"`
		Steps       any `json:"steps,omitempty"`
		Width       any `json:"width,omitempty"`
		Height      any `json:"height,omitempty"`
		StylePreset any `json:"style_preset,omitempty"`
	}{[]any{asl.Object{"text": s.Text}}, s.CfgScale, s.Seed, s.Steps, s.Width, s.Height, s.StylePreset}
}
