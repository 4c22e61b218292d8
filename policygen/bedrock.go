package policygen

import (
	"fmt"
	"strings"

	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

const invokeModel = "bedrock:InvokeModel"

// invokeModel collects what InvokeModel with the integration's parameters needs.
func (w *walk) invokeModel(p params, why string) {
	w.models(p, "ModelId", why)
	w.guardrail(p, "GuardrailIdentifier")
	w.object(p, "Input.S3Uri", "s3:GetObject", "reads the request body from S3")
	w.object(p, "Output.S3Uri", "s3:PutObject", "writes the response to S3")
}

// models collects what calling the model in a parameter needs.
func (w *walk) models(p params, name, why string) {
	f := w.hinted(p.at(name))
	if !f.present {
		f.present, f.partial, f.texts = true, true, []string{dynamicPart}
	}
	for _, text := range f.texts {
		switch {
		case text == dynamicPart:
			all := []string{w.arn("arn:{P}:bedrock:{R}::foundation-model/*"), w.arn("arn:{P}:bedrock:{R}:{A}:provisioned-model/*")}
			w.need([]string{invokeModel}, all, why+", which is known only at run time", "connect-bedrock")
			w.warn(w.params+"."+f.name, "is known only at run time, so that all foundation models and provisioned models of the region are allowed, and inference profiles are not",
				fmt.Sprintf("name the models or profiles with the hint %s.%s", w.state, f.name))
		case strings.Contains(text, dynamicPart):
			w.partialModel(f, text, why)
		default:
			w.model(f, text, why)
		}
	}
}

// partialModel is for a ModelId of which only some part is constant.
func (w *walk) partialModel(f field, text, why string) {
	pattern := starred(text)
	var resources []string
	switch {
	case strings.HasPrefix(pattern, "arn:"):
		resources = []string{pattern}
	case profileStart(text) != "":
		profile := w.arn("arn:{P}:bedrock:{R}:{A}:inference-profile/" + pattern)
		resources = []string{profile}
		w.need([]string{invokeModel}, []string{w.arn("arn:{P}:bedrock:*::foundation-model/" + strings.TrimPrefix(pattern, profileStart(text)))}, why+" through an inference profile", "bedrock-profiles",
			iam.Condition{Operator: "ArnLike", Key: "bedrock:InferenceProfileArn", Values: []string{profile}})
	default:
		resources = []string{w.arn("arn:{P}:bedrock:{R}::foundation-model/" + pattern)}
	}
	w.need([]string{invokeModel}, resources, why, "connect-bedrock")
	w.dynamic(f, resources)
}

// profileStart returns the geography with its dot that a text begins with.
func profileStart(text string) string {
	for _, g := range []string{"us-gov.", "global.", "apac.", "us.", "eu.", "jp.", "au.", "ca.", "in."} {
		if strings.HasPrefix(text, g) {
			return g
		}
	}
	return ""
}

// model collects what calling one model needs.
func (w *walk) model(f field, text, why string) {
	if strings.Contains(text, "${") && !strings.HasPrefix(text, "arn:") {
		resource := w.arn("arn:{P}:bedrock:{R}::foundation-model/" + text)
		if arnPlaceholder(text) {
			resource = text
		}
		w.need([]string{invokeModel}, []string{resource}, why, "connect-bedrock")
		w.warn(w.params+"."+f.name, "is a placeholder and taken for a foundation model", fmt.Sprintf("if it is an inference profile, name it with the hint %s.%s", w.state, f.name))
		return
	}
	id := catalog.Classify(text)
	switch id.Kind {
	case catalog.FoundationModel:
		w.need([]string{invokeModel}, []string{w.arn("arn:{P}:bedrock:{R}::foundation-model/" + text)}, why, "connect-bedrock")
	case catalog.FoundationModelARN, catalog.ProvisionedModelARN, catalog.CustomDeploymentARN, catalog.ImportedModelARN:
		w.need([]string{invokeModel}, []string{text}, why, "connect-bedrock")
	case catalog.CustomModelARN:
		w.need([]string{invokeModel}, []string{text}, why, "connect-bedrock")
		w.warn(w.params+"."+f.name, "is a custom model, which cannot be invoked itself", "name its provisioned throughput or deployment")
	case catalog.ProvisionedModelName:
		resource := w.arn("arn:{P}:bedrock:{R}:{A}:provisioned-model/*")
		w.need([]string{invokeModel}, []string{resource}, why, "connect-bedrock")
		w.warn(w.params+"."+f.name, "names a provisioned model, whose ARN does not follow from its name, so that "+resource+" is allowed", "give the ARN")
	case catalog.SystemProfile:
		w.profile(f, w.opts.Partition, w.opts.Region, w.opts.Account, text, why)
	case catalog.SystemProfileARN:
		w.profile(f, id.Partition, id.Region, id.Account, id.Name, why)
	case catalog.ApplicationProfileARN:
		w.behind(f, text, "bedrock:InferenceProfileArn", "StringEquals", why+" through an application inference profile")
	case catalog.PromptRouterARN:
		w.behind(f, text, "bedrock:PromptRouterArn", "ArnEquals", why+" through a prompt router")
	case catalog.PromptARN:
		w.need([]string{"bedrock:RenderPrompt"}, []string{text}, "uses the prompt", "sar")
		w.warn(w.params+"."+f.name, "is a prompt; the model in it is not known", fmt.Sprintf("name the model with the hint models/%s", text))
		for _, m := range w.opts.Hints["models/"+text] {
			w.model(f, m, why)
		}
	case catalog.MarketplaceARN:
		w.need([]string{invokeModel}, []string{w.arn("arn:{P}:bedrock:{R}:{A}:marketplace/model-endpoint/all-access")}, why+" behind a marketplace endpoint", "sar")
		w.need([]string{"sagemaker:InvokeEndpoint"}, []string{text}, why+" behind a marketplace endpoint", "sar")
	default:
		w.warn(w.params+"."+f.name, fmt.Sprintf("%q is no identifier of a model", text), "nothing is granted for it")
	}
}

// profile collects what a call through a system-defined inference profile needs:
// the profile in the region of the call, and the model in every region the call may
// be routed to, though only for calls that come through the profile. IAM asks for
// all of them, and one that is missing denies the call.
func (w *walk) profile(f field, partition, region, account, id, why string) {
	arn := fmt.Sprintf("arn:%s:bedrock:%s:%s:inference-profile/%s", partition, region, account, id)
	w.need([]string{invokeModel}, []string{arn}, why+" through the inference profile "+id, "bedrock-profiles")
	w.need([]string{invokeModel}, w.destinations(f, partition, region, id), why+" in each region that the inference profile "+id+" may route to", "bedrock-profiles",
		iam.Condition{Operator: equals(arn), Key: "bedrock:InferenceProfileArn", Values: []string{arn}})
}

func equals(pattern string) string {
	if strings.Contains(pattern, "*") {
		return "ArnLike"
	}
	return "StringEquals"
}

// destinations returns the ARNs of the model behind a system-defined profile.
func (w *walk) destinations(f field, partition, region, id string) []string {
	base := catalog.Classify(id).Model // of a geography that came later, too
	model := func(region string) string {
		return fmt.Sprintf("arn:%s:bedrock:%s::foundation-model/%s", partition, region, base)
	}
	p := catalog.FindProfile(id)
	if p != nil {
		if p.Global() {
			return []string{model(region), model("")}
		}
		if regions, ok := p.Destinations(region); ok {
			if p.Assumed {
				w.warn(w.params+"."+f.name, "the destinations of "+id+" are those that most profiles of its geography have", "check them with aws bedrock get-inference-profile")
			}
			out := make([]string, len(regions))
			for i, r := range regions {
				out[i] = model(r)
			}
			return out
		}
	}
	all := model("*")
	w.warn(w.params+"."+f.name, fmt.Sprintf("the destinations of %s from %s are not known, so that %s is allowed through the profile", id, region, all), "check that the profile can be called from the region")
	return []string{all}
}

// behind is for identifiers that hide their models: application inference profiles
// and prompt routers.
func (w *walk) behind(f field, arn, key, operator, why string) {
	w.need([]string{invokeModel}, []string{arn}, why, "bedrock-profiles")
	condition := iam.Condition{Operator: operator, Key: key, Values: []string{arn}}
	var resources []string
	for _, m := range w.opts.Hints["models/"+arn] {
		id := catalog.Classify(m)
		switch id.Kind {
		case catalog.FoundationModel:
			resources = append(resources, w.arn("arn:{P}:bedrock:{R}::foundation-model/"+m))
		case catalog.SystemProfile:
			resources = append(resources, w.destinations(f, w.opts.Partition, w.opts.Region, m)...)
			if key == "bedrock:PromptRouterArn" {
				resources = append(resources, w.arn("arn:{P}:bedrock:{R}:{A}:inference-profile/"+m))
			}
		default:
			resources = append(resources, m)
		}
	}
	if len(resources) == 0 {
		resources = []string{w.arn("arn:{P}:bedrock:*::foundation-model/*")}
		if key == "bedrock:PromptRouterArn" {
			resources = append(resources, w.arn("arn:{P}:bedrock:{R}:{A}:inference-profile/*"))
		}
		w.warn(w.params+"."+f.name, "the ARN does not tell the models behind it, so that any model is allowed through it", "name them with the hint models/"+arn)
	}
	w.need([]string{invokeModel}, resources, why, "bedrock-profiles", condition)
}

// guardrail collects what applying the guardrail in a parameter needs.
func (w *walk) guardrail(p params, name string) {
	f := w.hinted(p.at(name))
	if !f.present || p.whole {
		return
	}
	var resources []string
	for _, t := range f.texts {
		switch {
		case strings.HasPrefix(t, "arn:"), arnPlaceholder(t):
			resources = append(resources, starred(t))
		default:
			resources = append(resources, w.arn("arn:{P}:bedrock:{R}:{A}:guardrail/"+starred(t)))
		}
	}
	w.need([]string{"bedrock:ApplyGuardrail"}, resources, "applies the guardrail", "bedrock-guardrails")
	if f.partial {
		w.dynamic(f, resources)
	}
	for _, t := range w.opts.Hints["guardrail-profile"] { // cross-region guardrails
		for _, r := range append([]string{w.opts.Region}, w.opts.Hints["guardrail-profile.regions"]...) {
			w.need([]string{"bedrock:ApplyGuardrail"}, []string{strings.ReplaceAll(w.arn("arn:{P}:bedrock:{X}:{A}:guardrail-profile/"+t), "{X}", r)}, "applies the guardrail across regions", "bedrock-guardrails")
		}
	}
}

// object collects what reading or writing the S3 object in a URI parameter needs.
func (w *walk) object(p params, name, action, why string) {
	if p.whole {
		return
	}
	f := w.hinted(p.at(name))
	if !f.present {
		return
	}
	var resources []string
	for _, t := range f.texts {
		rest, ok := strings.CutPrefix(t, "s3://")
		if !ok {
			rest = "*/*"
		} else if rest = prefixed(rest); strings.HasSuffix(rest, "*") && !strings.Contains(rest, "/") {
			rest += "/*" // the bucket itself is dynamic
		}
		resources = append(resources, w.arn("arn:{P}:s3:::"+rest))
	}
	w.need([]string{action}, resources, why, "connect-bedrock")
	if f.partial {
		w.dynamic(f, resources)
	}
	w.objectKey(action, why)
}

// objectKey adds the rights on the key that the objects are encrypted with.
func (w *walk) objectKey(action, why string) {
	key, do := w.opts.InputKey, "kms:Decrypt"
	if action == "s3:PutObject" {
		key, do = w.opts.OutputKey, "kms:GenerateDataKey"
	}
	if key == "" {
		return
	}
	w.need([]string{do}, []string{key}, why+", which is encrypted with the key", "sar",
		iam.Condition{Operator: "StringEquals", Key: "kms:ViaService", Values: []string{"s3." + w.opts.Region + "." + w.domain()}})
}

// domain is the DNS suffix of the partition's endpoints.
func (w *walk) domain() string {
	switch w.opts.Partition {
	case "aws-cn":
		return "amazonaws.com.cn"
	case "aws-eusc":
		return "amazonaws.eu"
	}
	return "amazonaws.com"
}

// customize collects what CreateModelCustomizationJob needs. The ids of the model
// and the job are the service's, so that nothing is narrower than /*.
func (w *walk) customize(p params, sync bool) {
	models := w.arn("arn:{P}:bedrock:{R}:{A}:custom-model/*")
	jobs := w.arn("arn:{P}:bedrock:{R}:{A}:model-customization-job/*")
	resources := []string{models, jobs}
	f := w.hinted(p.at("BaseModelIdentifier"))
	if !f.present {
		f.present, f.partial, f.texts = true, true, []string{dynamicPart}
	}
	for _, t := range f.texts {
		switch {
		case strings.Contains(t, ":custom-model/"):
		case strings.HasPrefix(t, "arn:"), arnPlaceholder(t):
			resources = append(resources, starred(t))
		default:
			resources = append(resources, w.arn("arn:{P}:bedrock:{R}::foundation-model/"+starred(t)))
		}
	}
	if f.partial {
		w.dynamic(f, resources[2:])
	}
	w.need([]string{"bedrock:CreateModelCustomizationJob"}, resources, "creates the customization job", "connect-bedrock")
	if sync {
		w.need([]string{"bedrock:GetModelCustomizationJob", "bedrock:StopModelCustomizationJob"}, []string{jobs}, "waits for the job and stops it when the task is stopped", "connect-bedrock")
	}
	w.passRole(p, "RoleArn", "bedrock.amazonaws.com", "connect-bedrock")
	if !p.whole && (p.at("JobTags").present || p.at("CustomModelTags").present) {
		w.need([]string{"bedrock:TagResource"}, []string{models, jobs}, "gives the job or the model tags", "sar")
	}
	if !p.whole && p.at("CustomModelKmsKeyId").present {
		w.warn(w.params+".CustomModelKmsKeyId", "with a customer managed key the caller may also need kms:DescribeKey and kms:CreateGrant on it, which is not confirmed", "add them if the call is denied")
	}
}

// modelJob collects what CreateModelInvocationJob (batch inference) needs: the
// action on the model or profile and on the job, whose id the service makes, and the
// job's role. The model's input and output are the role's affair.
func (w *walk) modelJob(p params) {
	const action = "bedrock:CreateModelInvocationJob"
	resources := []string{w.arn("arn:{P}:bedrock:{R}:{A}:model-invocation-job/*")}
	f := w.hinted(p.at("ModelId"))
	if !f.present {
		f = field{name: "ModelId", present: true, partial: true, texts: []string{dynamicPart}}
	}
	for _, t := range f.texts {
		id := catalog.Classify(t)
		switch {
		case strings.HasPrefix(t, "arn:"), arnPlaceholder(t):
			resources = append(resources, starred(t))
			if id.Kind == catalog.SystemProfileARN {
				resources = append(resources, w.destinations(f, id.Partition, id.Region, id.Name)...)
			}
		case id.Kind == catalog.SystemProfile:
			resources = append(resources, w.arn("arn:{P}:bedrock:{R}:{A}:inference-profile/"+t))
			resources = append(resources, w.destinations(f, w.opts.Partition, w.opts.Region, t)...)
		default:
			resources = append(resources, w.arn("arn:{P}:bedrock:{R}::foundation-model/"+starred(t)))
		}
	}
	if f.partial {
		w.dynamic(f, resources[1:])
	}
	w.need([]string{action}, resources, "creates the job", "sar")
	w.passRole(p, "RoleArn", "bedrock.amazonaws.com", "sar")
	if !p.whole && p.at("Tags").present {
		w.need([]string{"bedrock:TagResource"}, resources[:1], "gives the job tags", "sar")
	}
}

// unnamedRoles is passRole for roles that no parameter names. Without hints the need is
// open.
func (w *walk) unnamedRoles(hints []string, why, service, source string) {
	roles := hints
	if len(roles) == 0 {
		roles = []string{w.arn("arn:{P}:iam::{A}:role/*")}
	}
	w.need([]string{"iam:PassRole"}, roles, why, source,
		iam.Condition{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{service}})
	w.needs[len(w.needs)-1].open = len(hints) == 0
}

// passRole collects the right to hand the role in a parameter to a service.
func (w *walk) passRole(p params, name, service, source string) {
	f := w.hinted(p.at(name))
	if !f.present || p.whole && strings.Contains(name, ".") {
		return
	}
	var roles []string
	for _, t := range f.texts {
		switch {
		case t == "":
		case strings.HasPrefix(t, "arn:"), arnPlaceholder(t):
			roles = append(roles, starred(t))
		default:
			roles = append(roles, w.arn("arn:{P}:iam::{A}:role/"+starred(t)))
		}
	}
	if len(roles) == 0 {
		return
	}
	if f.partial {
		w.dynamic(f, roles)
	}
	w.need([]string{"iam:PassRole"}, roles, "hands the role to "+service, source,
		iam.Condition{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{service}})
}
