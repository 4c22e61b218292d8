package server

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// Encryption is judged, kept and shown; nothing is encrypted, since nothing is stored. What
// the service answers was recorded in 2026-09 and published in github.com/radkawar/stackd;
// that it names a malformed key id like KMS itself does is an assumption.

// keyID is the form of the names that KMS gives to keys.
var keyID = regexp.MustCompile(`^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|mrk-[0-9a-f]{32})$`)

// encryption judges an EncryptionConfiguration and fills in what it leaves open.
func (s *Server) encryption(e *types.EncryptionConfiguration) (*types.EncryptionConfiguration, error) {
	invalid := func(text string) error {
		return failure("InvalidEncryptionConfiguration", "Invalid Encryption Configuration: %s", text)
	}
	if e == nil {
		return nil, nil
	}
	if e.Type == types.EncryptionTypeAwsOwnedKey {
		switch {
		case e.KmsKeyId != nil:
			return nil, invalid("Custom kmsKeyId is not allowed when selecting AWS_OWNED_KEY.")
		case e.KmsDataKeyReusePeriodSeconds != nil:
			return nil, invalid("Custom kmsDataKeyReusePeriodSeconds is not allowed when selecting AWS_OWNED_KEY.")
		}
		return e, nil
	}
	if e.KmsKeyId == nil {
		return nil, invalid("Must set a valid kmsKeyId.")
	}
	arn, problem := s.keyARN(*e.KmsKeyId)
	if problem != "" {
		return nil, failure("InvalidEncryptionConfiguration", "%s (Service: Kms, Status Code: 400, Request ID: %s) (SDK Attempt Count: 1)", problem, s.requestID())
	}
	c := *e
	c.KmsKeyId = &arn
	if c.KmsDataKeyReusePeriodSeconds == nil {
		c.KmsDataKeyReusePeriodSeconds = aws.Int32(300)
	}
	return &c, nil
}

// keyARN returns the ARN of what names a key, or what KMS says against it. The service
// shows the ARN of the key behind an alias; without a KMS there is none, so that an alias
// stays one.
func (s *Server) keyARN(name string) (arn, problem string) {
	prefix := "arn:" + s.opts.Partition + ":kms:" + s.opts.Region + ":" + s.opts.Account + ":"
	isName := func(n string) bool {
		kind, id, _ := strings.Cut(n, "/")
		return kind == "key" && keyID.MatchString(id) || kind == "alias" && id != ""
	}
	switch parts := strings.SplitN(name, ":", 6); {
	case keyID.MatchString(name):
		return prefix + "key/" + name, ""
	case strings.HasPrefix(name, "alias/") && isName(name):
		return prefix + name, ""
	case len(parts) == 6 && parts[0] == "arn" && parts[2] == "kms" && isName(parts[5]):
		if parts[3] != s.opts.Region {
			return "", "Invalid arn " + parts[3]
		}
		return name, ""
	}
	return "", "Invalid keyId '" + name + "'"
}

// custom reports whether a configuration names a key of the customer's.
func custom(e *types.EncryptionConfiguration) bool {
	return e != nil && e.Type == types.EncryptionTypeCustomerManagedKmsKey
}

func encryptionText(e *types.EncryptionConfiguration) string {
	if !custom(e) {
		return ""
	}
	return aws.ToString(e.KmsKeyId) + " " + strconv.Itoa(int(aws.ToInt32(e.KmsDataKeyReusePeriodSeconds)))
}

// encryptionShown is the encryptionConfiguration that a description shows. The service
// began to show the default one in July 2024: no recording from before has it, all from
// after do. Those are the ones of definitions with variables or JSONata, which came in
// November 2024; it is these that we show it for unless it was set.
func (r *revision) encryptionShown() *types.EncryptionConfiguration {
	if r.encryption == nil && r.modern {
		return &types.EncryptionConfiguration{Type: types.EncryptionTypeAwsOwnedKey}
	}
	return r.encryption
}

// noDefinition stands for the definition where only metadata is asked for.
var noDefinition = "{}"
