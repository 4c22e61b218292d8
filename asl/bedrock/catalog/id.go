package catalog

import "strings"

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

// Classify takes an identifier of a model apart. Identifiers longer than [MaxModelID]
// are Invalid. The result always has the Text.
//
// It follows the pattern of InvokeModelIdentifier in the API model of 2026-08-07, whose
// last alternative takes nearly any word: what only that one would take is Invalid here, as
// the service then answers "The provided model identifier is invalid."
func Classify(text string) ID {
	id := ID{Text: text}
	switch {
	case len(text) > MaxModelID:
	case strings.HasPrefix(text, "arn:"):
		return classifyARN(text)
	case isModelName(text):
		id.Kind, id.Name, id.Model = FoundationModel, text, text
		if g, m, ok := splitProfile(text); ok && isModelName(m) {
			id.Kind, id.Geography, id.Model = SystemProfile, g, m
		}
	case isProvisionedName(text):
		id.Kind, id.Name = ProvisionedModelName, text
	}
	return id
}

// resources tells, for each type of resource in an ARN of Bedrock, what it is and what its
// name looks like.
var resources = map[string]struct {
	kind Kind
	name func(string) bool
}{
	"foundation-model":              {FoundationModelARN, isModelName}, // the only one without an account
	"provisioned-model":             {ProvisionedModelARN, isTwelve},
	"custom-model":                  {CustomModelARN, isCustomModelName},
	"custom-model-deployment":       {CustomDeploymentARN, isTwelve},
	"imported-model":                {ImportedModelARN, isTwelve},
	"inference-profile":             {SystemProfileARN, isResourceName},
	"application-inference-profile": {ApplicationProfileARN, isResourceName},
	"prompt-router":                 {PromptRouterARN, isResourceName},
	"default-prompt-router":         {PromptRouterARN, isResourceName},
	"prompt":                        {PromptARN, isPromptName},
}

func classifyARN(text string) ID {
	id := ID{Text: text}
	f := strings.SplitN(text, ":", 6)
	if len(f) < 6 {
		return id
	}
	partition, service, region, account := f[1], f[2], f[3], f[4]
	typ, name, _ := strings.Cut(f[5], "/")
	kind := Invalid
	switch service {
	case "bedrock":
		r := resources[typ]
		inAccount := len(account) == 12 && all(account, digit)
		if r.kind == FoundationModelARN {
			inAccount = account == ""
		}
		suffix, other := strings.CutPrefix(partition, "aws-")
		if r.kind != Invalid && inAccount && (partition == "aws" || other && suffix != "") &&
			len(region) <= 20 && isLabel(region) && r.name(name) {
			kind = r.kind
		}
	case "sagemaker":
		if partition == "aws" && region != "" && all(region, lower) && len(account) == 12 && all(account, digit) &&
			typ == "endpoint" && name != "" && all(name, func(c byte) bool { return alphanumeric(c) || c == '-' }) {
			kind = MarketplaceARN
		}
	}
	if kind == Invalid {
		return id
	}
	id.Kind, id.Partition, id.Region, id.Account, id.Name = kind, partition, region, account, name
	switch kind {
	case FoundationModelARN:
		id.Model = name
	case CustomModelARN:
		id.Model = name[:strings.LastIndexByte(name, '/')]
	case SystemProfileARN:
		if g, m, ok := splitProfile(name); ok {
			id.Geography, id.Model = g, m
		}
	}
	return id
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
func lower(c byte) bool { return 'a' <= c && c <= 'z' || digit(c) || c == '-' }

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || digit(c)
}

func all(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isLabel(s string) bool  { return s != "" && len(s) <= 63 && all(s, lower) }
func isTwelve(s string) bool { return len(s) == 12 && all(s, lower) && !strings.Contains(s, "-") }

// isModelName accepts provider.model with up to three further parts after . or :, such as
// a version, its minor number and a variant.
func isModelName(s string) bool {
	provider, rest, ok := strings.Cut(s, ".")
	if !ok || !isLabel(provider) {
		return false
	}
	for n := 1; n <= 4; n++ {
		i := strings.IndexAny(rest, ".:")
		if i < 0 {
			return isLabel(rest)
		}
		if !isLabel(rest[:i]) {
			return false
		}
		rest = rest[i+1:]
	}
	return false
}

func isCustomModelName(s string) bool {
	base, id, ok := strings.Cut(s, "/")
	return ok && isModelName(base) && isTwelve(id)
}

func isResourceName(s string) bool {
	return s != "" && all(s, func(c byte) bool { return alphanumeric(c) || c == ':' || c == '.' || c == '-' })
}

func isPromptName(s string) bool {
	name, version, has := strings.Cut(s, ":")
	return len(name) == 10 && all(name, alphanumeric) && (!has || version != "" && len(version) <= 5 && all(version, digit))
}

// isProvisionedName accepts letters and digits with at most one _ or - after each.
func isProvisionedName(s string) bool {
	for i := range len(s) {
		if separator := s[i] == '_' || s[i] == '-'; !separator && !alphanumeric(s[i]) ||
			separator && (i == 0 || !alphanumeric(s[i-1])) {
			return false
		}
	}
	return s != ""
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
	edge := func(c byte) bool { return lower(c) && c != '-' }
	n := len(bucket)
	ok = n >= 3 && n <= 63 && edge(bucket[0]) && edge(bucket[n-1]) && all(bucket, func(c byte) bool { return lower(c) || c == '.' })
	return bucket, key, ok
}

const maxS3URI = 1024
