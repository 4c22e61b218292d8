package calls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/sfnkit/sfnkit/emulator"
)

// S3Options says which S3 an S3Store talks to.
type S3Options struct {
	// Endpoint is the URL of an S3-compatible service, "" for S3 itself or what the SDK's
	// own environment says (AWS_ENDPOINT_URL_S3 and the like).
	Endpoint string
	// PathStyle puts the bucket into the path and not into the host name, which most
	// services other than S3 need.
	PathStyle bool
	Region    string // "" for what the SDK finds, and us-east-1 if it finds none
}

// S3Store keeps objects in S3, with the SDK's credentials and configuration. It makes no
// bucket: objects can only be put into those that are there.
func S3Store(ctx context.Context, o S3Options) (emulator.Store, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("the configuration of the AWS SDK: %w", err)
	}
	if o.Region != "" {
		cfg.Region = o.Region
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	return &s3Store{s3.NewFromConfig(cfg, func(so *s3.Options) {
		if o.Endpoint != "" {
			so.BaseEndpoint = aws.String(o.Endpoint)
		}
		so.UsePathStyle = o.PathStyle
		if o.Endpoint != "" {
			// Other services do not all know the newer checksums.
			so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})}, nil
}

type s3Store struct{ client *s3.Client }

// s3Error wraps what a Store says of objects that are not there.
func s3Error(bucket, key string, err error) error {
	var noKey *types.NoSuchKey
	var notFound *types.NotFound
	var noBucket *types.NoSuchBucket
	var api smithy.APIError
	var is error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &noKey), errors.As(err, &notFound):
		is = emulator.ErrNoObject
	case errors.As(err, &noBucket):
		is = emulator.ErrNoBucket
	case errors.As(err, &api) && api.ErrorCode() == "NoSuchKey":
		is = emulator.ErrNoObject
	case errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket":
		is = emulator.ErrNoBucket
	default:
		return fmt.Errorf("s3://%s/%s: %w", bucket, key, err)
	}
	return fmt.Errorf("s3://%s/%s: %w", bucket, key, is)
}

func (s *s3Store) Get(ctx context.Context, bucket, key string) (io.ReadCloser, emulator.ObjectInfo, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, emulator.ObjectInfo{}, s3Error(bucket, key, err)
	}
	return out.Body, emulator.ObjectInfo{
		Key: key, Size: aws.ToInt64(out.ContentLength), ETag: strings.Trim(aws.ToString(out.ETag), `"`),
		ContentType: aws.ToString(out.ContentType), LastModified: aws.ToTime(out.LastModified).UTC(),
	}, nil
}

func (s *s3Store) Put(ctx context.Context, bucket, key, contentType string, body io.Reader) error {
	// The SDK has to know the length and to be able to begin again.
	seeker, ok := body.(io.ReadSeeker)
	if !ok {
		f, err := os.CreateTemp("", "put-*")
		if err != nil {
			return err
		}
		defer func() {
			f.Close()
			os.Remove(f.Name())
		}()
		if _, err := io.Copy(f, body); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		seeker = f
	}
	if contentType == "" {
		contentType = binaryContent
	}
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: seeker, ContentType: &contentType})
	return s3Error(bucket, key, err)
}

func (s *s3Store) List(ctx context.Context, bucket, prefix string, yield func(emulator.ObjectInfo) bool) error {
	in := &s3.ListObjectsV2Input{Bucket: &bucket}
	if prefix != "" {
		in.Prefix = &prefix
	}
	pages := s3.NewListObjectsV2Paginator(s.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s3Error(bucket, prefix, err)
		}
		for _, o := range page.Contents {
			if !yield(emulator.ObjectInfo{
				Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), ETag: strings.Trim(aws.ToString(o.ETag), `"`),
				LastModified: aws.ToTime(o.LastModified).UTC(),
			}) {
				return nil
			}
		}
	}
	return nil
}

func (s *s3Store) Delete(ctx context.Context, bucket, key string) error {
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return s3Error(bucket, key, err)
}
