package server

import (
	"context"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

type tag struct{ key, value string }

const maxTags = 50

func checkTags(list []types.Tag) error {
	seen := make(map[string]bool, len(list))
	for _, t := range list {
		key := aws.ToString(t.Key)
		if strings.HasPrefix(key, "aws:") { // recorded 2026-09, published in github.com/radkawar/stackd
			return failure("AccessDeniedException", "Caller is an end user and not allowed to mutate system tags")
		}
		for _, text := range []string{key, aws.ToString(t.Value)} {
			for _, r := range text {
				if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsSpace(r) && !isOneOf(r, "_.:/=+-@") {
					return failure("ValidationException", "Tag keys and values may only contain Unicode letters, digits, white space, or these symbols: _ . : / = + - @.")
				}
			}
		}
		seen[key] = true
	}
	if len(seen) > maxTags {
		return failure("TooManyTags", "Too many tags: '%d' tags were given, the limit is '%d'", len(seen), maxTags)
	}
	return nil
}

func isOneOf(r rune, set string) bool {
	for _, s := range set {
		if s == r {
			return true
		}
	}
	return false
}

// setTags adds tags to a resource or changes their values. Called under the lock.
func (s *Server) setTags(arn string, list []types.Tag) {
	have := s.tags[arn]
next:
	for _, t := range list {
		key := aws.ToString(t.Key)
		for i := range have {
			if have[i].key == key {
				have[i].value = aws.ToString(t.Value)
				continue next
			}
		}
		have = append(have, tag{key, aws.ToString(t.Value)})
	}
	if have != nil {
		s.tags[arn] = have
	}
}

// tagged checks that there is a resource that can have tags: a state machine (not a
// version or an alias) or an activity. Called under the lock.
func (s *Server) tagged(arn string) error {
	if _, err := parseARN(arn, "stateMachine", "activity"); err != nil {
		return err
	}
	_, machine := s.machines.get(arn)
	_, activity := s.activities.get(arn)
	if !machine && !activity {
		return noResource(arn)
	}
	return nil
}

// qualified reports whether an ARN is that of a version or an alias. They have no tags, but
// may be asked for them (recorded 2026-09, published in github.com/radkawar/stackd). Called
// under the lock.
func (s *Server) qualified(arn string) bool {
	r, err := parseARN(arn, "stateMachine")
	if err != nil {
		return false
	}
	m, ok := s.machines.get(r.machine())
	return ok && r.rest != "" && (m.version(arn) != nil || m.alias(r.rest) != nil)
}

func (s *Server) tagResource(_ context.Context, in *sfn.TagResourceInput) (*sfn.TagResourceOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tagged(*in.ResourceArn); err != nil {
		return nil, err
	}
	n := len(s.tags[*in.ResourceArn])
	all := make(map[string]bool, n)
	for _, t := range s.tags[*in.ResourceArn] {
		all[t.key] = true
	}
	for _, t := range in.Tags {
		all[aws.ToString(t.Key)] = true
	}
	if len(all) > maxTags {
		e := failure("TooManyTags", "Too many tags: the resource '%s' would have '%d' tags, the limit is '%d'", *in.ResourceArn, len(all), maxTags)
		e.Resource = *in.ResourceArn
		return nil, e
	}
	s.setTags(*in.ResourceArn, in.Tags)
	return &sfn.TagResourceOutput{}, nil
}

func (s *Server) untagResource(_ context.Context, in *sfn.UntagResourceInput) (*sfn.UntagResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tagged(*in.ResourceArn); err != nil {
		return nil, err
	}
	var left []tag
next:
	for _, t := range s.tags[*in.ResourceArn] {
		for _, k := range in.TagKeys {
			if k == t.key {
				continue next
			}
		}
		left = append(left, t)
	}
	s.tags[*in.ResourceArn] = left
	return &sfn.UntagResourceOutput{}, nil
}

func (s *Server) listTagsForResource(_ context.Context, in *sfn.ListTagsForResourceInput) (*sfn.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tagged(*in.ResourceArn); err != nil && !s.qualified(*in.ResourceArn) {
		return nil, err
	}
	out := &sfn.ListTagsForResourceOutput{Tags: []types.Tag{}}
	for _, t := range s.tags[*in.ResourceArn] {
		out.Tags = append(out.Tags, types.Tag{Key: aws.String(t.key), Value: aws.String(t.value)})
	}
	return out, nil
}
