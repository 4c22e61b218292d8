package policygen

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// http collects what an HTTP task needs: the call itself on the own state machine,
// the connection, and the secret behind it.
func (w *walk) http(p params) {
	w.needName("an HTTP task", "")
	var conditions []iam.Condition
	for _, c := range []struct{ name, key string }{{"ApiEndpoint", "states:HTTPEndpoint"}, {"Method", "states:HTTPMethod"}} {
		f := w.hinted(p.at(c.name))
		if f.unknown() || !f.present {
			w.dynamic(field{name: c.name, present: true, texts: []string{dynamicPart}}, []string{"every " + strings.TrimPrefix(c.key, "states:")})
			continue
		}
		operator := "StringEquals"
		if f.partial {
			operator = "StringLike"
		}
		values := make([]string, len(f.texts))
		for i, t := range f.texts {
			values[i] = starred(t)
		}
		if f.partial {
			w.dynamic(f, values)
		}
		conditions = append(conditions, iam.Condition{Operator: operator, Key: c.key, Values: values})
	}
	w.need([]string{"states:InvokeHTTPEndpoint"}, []string{w.own.machineARN}, "calls the endpoint", "call-https-apis", conditions...)

	name := "Authentication.ConnectionArn"
	if !p.at(name).present && p.at("InvocationConfig.ConnectionArn").present {
		name = "InvocationConfig.ConnectionArn"
	}
	connections := w.named(name, "", p, func(t string) string {
		if strings.HasPrefix(t, "${") {
			return t
		}
		return w.arn("arn:{P}:events:{R}:{A}:connection/" + t)
	})
	w.need([]string{"events:RetrieveConnectionCredentials"}, connections, "uses the connection", "call-https-apis")
	var secrets []string
	for _, c := range connections {
		secret := w.arn("arn:{P}:secretsmanager:{R}:{A}:secret:events!connection/")
		if f := strings.SplitN(c, ":", 6); len(f) == 6 && strings.HasPrefix(f[5], "connection/") {
			conn, _, _ := strings.Cut(strings.TrimPrefix(f[5], "connection/"), "/")
			secret = "arn:" + f[1] + ":secretsmanager:" + f[3] + ":" + f[4] + ":secret:events!connection/"
			if conn != "*" {
				secret += conn + "/"
			}
		}
		secrets = append(secrets, secret+"*")
	}
	w.need([]string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"}, secrets, "reads the connection's secret", "call-https-apis")
}

// apiGateway collects what calling an API needs, which is nothing unless the call
// is signed with the role.
func (w *walk) apiGateway(p params) {
	auth := w.hinted(p.at("AuthType"))
	if !auth.present || !auth.partial && auth.texts[0] != "IAM_ROLE" {
		return
	}
	part := func(name, fallback string) string {
		f := w.hinted(p.at(name))
		if !f.present || len(f.texts) != 1 {
			return fallback
		}
		if f.partial {
			w.dynamic(f, []string{"every " + name})
		}
		return starred(f.texts[0])
	}
	host := strings.TrimPrefix(part("ApiEndpoint", "*"), "https://")
	api, rest, _ := strings.Cut(host, ".")
	region := w.opts.Region
	if f := strings.Split(rest, "."); len(f) > 1 && f[0] == "execute-api" {
		region = f[1]
	}
	if host == "*" {
		api = "*"
	}
	path := strings.TrimPrefix(part("Path", "/"), "/")
	resource := w.arn("arn:{P}:execute-api:") + region + ":" + w.opts.Account + ":" + strings.Join([]string{api, part("Stage", "*"), part("Method", "*"), path}, "/")
	w.need([]string{"execute-api:Invoke"}, []string{resource}, "calls the API with the role's signature", "api-gateway-iam")
}

// distributedMap collects what a Map state with child executions needs beyond the
// states inside it.
func (w *walk) distributedMap(s *asl.State) {
	w.needName("a Distributed Map", "")
	const source = "distributed-map"
	self := w.own.machineARN
	w.need([]string{"states:StartExecution"}, []string{self}, "starts child executions of the state machine itself", source)
	executions := strings.Replace(self, ":stateMachine:", ":execution:", 1)
	label := "*"
	if s.Label != "" && !strings.Contains(s.Label, "{%") {
		label = s.Label
	}
	children := executions + "/" + label + ":*"
	w.need([]string{"states:DescribeExecution", "states:StopExecution"}, []string{executions + ":*", children}, "watches and stops its child executions", source)
	w.needs[len(w.needs)-1].either = true // the guide has the first, the service authorization reference the second
	if w.opts.Redrive {
		w.need([]string{"states:RedriveExecution"}, []string{children}, "redrives its child executions", source)
	}
	lang := s.LanguageIn(w.root)
	if r := s.ItemReader; r != nil {
		v := r.Parameters
		if lang == asl.JSONata {
			v = r.Arguments
		}
		w.params = "ItemReader.Parameters"
		p := paramsOf(v, lang, w.own)
		switch action := asl.ParseResource(r.Resource).Action; action {
		case "getObject":
			keys := w.key(p, "Key")
			w.need([]string{"s3:GetObject"}, keys, "reads the items", source)
			if c := r.ReaderConfig; c != nil && (c.InputType == "MANIFEST" || c.ManifestType != "") {
				files := w.key(params{v: p.v.Without("Key").Without("Key.$"), form: p.form, whole: p.whole, own: p.own}, "Key")
				w.need([]string{"s3:GetObject"}, files, "reads the data files that the manifest names", source)
				w.warn("ItemReader", "the data files stand in the manifest, so that "+strings.Join(files, " and ")+" is allowed", "add their bucket if it is another one")
			}
			w.objectKey("s3:GetObject", "reads the items")
		case "listObjectsV2":
			buckets := w.named("Bucket", "", p, func(t string) string { return w.arn("arn:{P}:s3:::" + t) })
			var conditions []iam.Condition
			prefix := w.hinted(p.at("Prefix"))
			if prefix.present && !prefix.unknown() {
				values := make([]string, len(prefix.texts))
				for i, t := range prefix.texts {
					values[i] = prefixed(t)
				}
				operator := "StringEquals"
				if prefix.partial {
					operator = "StringLike"
				}
				conditions = []iam.Condition{{Operator: operator, Key: "s3:prefix", Values: values}}
			}
			w.need([]string{"s3:ListBucket"}, buckets, "lists the objects that are the items", source, conditions...)
			if c := r.ReaderConfig; c != nil && c.Transformation == "LOAD_AND_FLATTEN" {
				w.need([]string{"s3:GetObject"}, w.key(p, "Prefix*"), "reads the items out of the objects", source)
				w.objectKey("s3:GetObject", "reads the items out of the objects")
			}
		}
	}
	if r := s.ResultWriter; r != nil && r.Resource != "" {
		v := r.Parameters
		if lang == asl.JSONata {
			v = r.Arguments
		}
		w.params = "ResultWriter.Parameters"
		p := paramsOf(v, lang, w.own)
		w.need([]string{"s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"}, w.key(p, "Prefix/"), "writes the results", source)
		w.objectKey("s3:PutObject", "writes the results")
	}
}

// key gives the ARNs of objects from the parameters Bucket and the named one.
func (w *walk) key(p params, name string) []string { return w.objects(p, "Bucket", name) }

// objects gives the ARNs of objects from a bucket and a key. The name of the key may
// end in * (all keys that start so) or / (all keys below).
func (w *walk) objects(p params, bucket, name string) []string {
	bare := strings.TrimRight(name, "*/")
	f := w.hinted(p.at(bare))
	buckets := w.named(bucket, "", p, func(t string) string { return w.arn("arn:{P}:s3:::" + t) })
	keys := []string{"*"}
	if f.present {
		keys = nil
		for _, t := range f.texts {
			k := prefixed(t)
			switch {
			case strings.HasSuffix(k, "*"):
			case strings.HasSuffix(name, "*"):
				k += "*"
			case strings.HasSuffix(name, "/"):
				k = strings.TrimPrefix(strings.TrimSuffix(k, "/")+"/*", "/")
			}
			keys = append(keys, k)
		}
	}
	var out []string
	for _, b := range buckets {
		for _, k := range keys {
			out = append(out, b+"/"+k)
		}
	}
	if f.partial {
		w.dynamic(f, out)
	}
	return out
}
