package catalog

import (
	"regexp"
	"strings"
)

// Kind says what an identifier names.
type Kind string

// The kinds of identifiers that InvokeModel's modelId may have. Invalid is what the API's
// own pattern refuses or what has no meaning to any AWS document.
const (
	Invalid               Kind = ""
	FoundationModel       Kind = "foundation model"
	FoundationModelARN    Kind = "foundation model ARN"
	ProvisionedModelARN   Kind = "provisioned model ARN"
	ProvisionedModelName  Kind = "provisioned model name"
	CustomModelARN        Kind = "custom model ARN" // a base model for customization; cannot be invoked
	CustomDeploymentARN   Kind = "custom model deployment ARN"
	ImportedModelARN      Kind = "imported model ARN"
	SystemProfile         Kind = "inference profile"
	SystemProfileARN      Kind = "inference profile ARN"
	ApplicationProfileARN Kind = "application inference profile ARN"
	PromptRouterARN       Kind = "prompt router ARN"
	PromptARN             Kind = "prompt ARN"
	MarketplaceARN        Kind = "marketplace endpoint ARN"
)

// ID is an identifier, taken apart.
type ID struct {
	Kind Kind
	Text string

	// Of an ARN. A foundation model's has no account.
	Partition, Region, Account string
	// Name is what the identifier names within its kind: a model id, the id of a profile
	// or of a deployment, the name of an endpoint.
	Name string
	// Geography is the first part of a system-defined profile's name (us, eu, global).
	Geography string
	// Model is the id of the foundation model where the identifier tells: of a model or a
	// system-defined profile, and the base model of a custom model. Else "".
	Model string
}

// IsARN reports whether the identifier is an ARN.
func (id ID) IsARN() bool { return id.Partition != "" }

const (
	arnHead   = `^arn:(aws(?:-[^:]+)?):bedrock:([a-z0-9-]{1,20}):`
	account   = `([0-9]{12}):`
	modelName = `[a-z0-9-]{1,63}[.][a-z0-9-]{1,63}(?:[.:][a-z0-9-]{1,63}){0,3}`
	twelve    = `([a-z0-9]{12})$`
	anyName   = `([a-zA-Z0-9:.-]+)$`
)

// grammar is tried in order. It follows the pattern of InvokeModelIdentifier in the API
// model of 2026-08-07, whose last alternative takes nearly any word: what only that one
// would take is Invalid here, as the service then answers "The provided model identifier
// is invalid."
var grammar = []struct {
	kind Kind
	re   *regexp.Regexp
}{
	{FoundationModel, regexp.MustCompile(`^(` + modelName + `)$`)}, // also profiles, see Classify
	{FoundationModelARN, regexp.MustCompile(arnHead + `():foundation-model/(` + modelName + `)$`)},
	{ProvisionedModelARN, regexp.MustCompile(arnHead + account + `provisioned-model/` + twelve)},
	{CustomModelARN, regexp.MustCompile(arnHead + account + `custom-model/((?:` + modelName + `)/[a-z0-9]{12})$`)},
	{CustomDeploymentARN, regexp.MustCompile(arnHead + account + `custom-model-deployment/` + twelve)},
	{ImportedModelARN, regexp.MustCompile(arnHead + account + `imported-model/` + twelve)},
	{SystemProfileARN, regexp.MustCompile(arnHead + account + `inference-profile/` + anyName)},
	{ApplicationProfileARN, regexp.MustCompile(arnHead + account + `application-inference-profile/` + anyName)},
	{PromptRouterARN, regexp.MustCompile(arnHead + account + `(?:default-)?prompt-router/` + anyName)},
	{PromptARN, regexp.MustCompile(arnHead + account + `prompt/([0-9a-zA-Z]{10}(?::[0-9]{1,5})?)$`)},
	{MarketplaceARN, regexp.MustCompile(`^arn:(aws):sagemaker:([a-z0-9-]+):` + account + `endpoint/([a-zA-Z0-9-]+)$`)},
	{ProvisionedModelName, regexp.MustCompile(`^((?:[0-9a-zA-Z][_-]?)+)$`)},
}

// Classify takes an identifier of a model apart. Identifiers longer than [MaxModelID]
// are Invalid. The result always has the Text.
func Classify(text string) ID {
	id := ID{Text: text}
	if len(text) > MaxModelID {
		return id
	}
	for _, g := range grammar {
		f := g.re.FindStringSubmatch(text)
		if f == nil {
			continue
		}
		id.Kind, id.Name = g.kind, f[len(f)-1]
		if len(f) > 2 {
			id.Partition, id.Region, id.Account = f[1], f[2], f[3]
		}
		switch id.Kind {
		case FoundationModel:
			if g, m, ok := splitProfile(text); ok {
				id.Kind, id.Geography, id.Model = SystemProfile, g, m
			} else {
				id.Model = text
			}
		case FoundationModelARN:
			id.Model = id.Name
		case CustomModelARN:
			id.Model = id.Name[:strings.LastIndexByte(id.Name, '/')]
		case SystemProfileARN:
			if g, m, ok := splitProfile(id.Name); ok {
				id.Geography, id.Model = g, m
			}
		}
		return id
	}
	return id
}

// splitProfile takes the name of a system-defined profile apart. A first part that is
// neither a geography nor a provider is taken for a new geography if a known provider
// follows.
func splitProfile(name string) (geography, model string, ok bool) {
	geography, model, _ = strings.Cut(name, ".")
	provider, _, two := strings.Cut(model, ".")
	if !two {
		return "", "", false
	}
	d := data()
	if d.usual[geography] != nil || !d.providers[geography] && d.providers[provider] {
		return geography, model, true
	}
	return "", "", false
}

// S3URI takes s3://bucket/key apart. The second result is the key, "" if the URI names a
// whole bucket; ok is false if the text does not have the form that Bedrock demands.
func S3URI(uri string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	if !ok || len(uri) > maxS3URI {
		return "", "", false
	}
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, bucketName.MatchString(bucket)
}

const maxS3URI = 1024

var bucketName = regexp.MustCompile(`^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$`)
