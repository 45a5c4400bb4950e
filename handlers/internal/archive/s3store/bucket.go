package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"payment-webhooks/handlers/internal/archive"
)

// partSize is the size of a part, which is buffered in memory. S3 accepts 10 000 parts
// of at least 5 MiB, so this size limits an object to 80 GB.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const partSize = 8 * 1024 * 1024

// abortTimeout bounds the clean-up after a failed upload.
const abortTimeout = 5 * time.Second

// NewClient returns a client with the SDK's defaults. A custom endpoint, as in the
// local run, has no bucket subdomains, so its paths contain the bucket.
func NewClient(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil
		// The SDK cannot validate the checksum of an object that was uploaded in parts, and
		// would log that for each one. The manifest has a digest of its own.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
}

// Bucket is an archive.Store.
type Bucket struct {
	client *s3.Client
	name   string
}

var _ archive.Store = (*Bucket)(nil)

// New returns the store in the bucket of that name.
func New(client *s3.Client, name string) *Bucket { return &Bucket{client, name} }

// Put implements archive.Store. It uses PutObject for a body shorter than a part, and
// otherwise a multipart upload, one part after the other.
func (b *Bucket) Put(ctx context.Context, key string, body io.Reader) (string, error) {
	version, err := b.put(ctx, key, body)
	if err != nil {
		return "", fmt.Errorf("put %s: %w", key, err)
	}
	return version, nil
}

func (b *Bucket) put(ctx context.Context, key string, body io.Reader) (version string, err error) {
	part := make([]byte, partSize)
	n, last, err := fill(body, part)
	if err != nil {
		return "", err
	}
	if last {
		out, err := b.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.name, Key: &key, ContentType: aws.String(contentType(key)), Body: bytes.NewReader(part[:n]),
		})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.VersionId), nil
	}
	upload, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: &key, ContentType: aws.String(contentType(key)), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return "", err
	}
	if version, err = b.parts(ctx, key, upload.UploadId, body, part); err != nil {
		b.abort(ctx, key, upload.UploadId)
	}
	return version, err
}

// parts uploads the filled part, then the rest of the body, reusing the buffer.
func (b *Bucket) parts(ctx context.Context, key string, uploadID *string, body io.Reader, part []byte) (version string, err error) {
	var completed []types.CompletedPart
	for n, last := len(part), false; n > 0; {
		number := aws.Int32(int32(len(completed) + 1))
		uploaded, err := b.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &b.name, Key: &key, UploadId: uploadID, PartNumber: number,
			Body: bytes.NewReader(part[:n]), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
		if err != nil {
			return "", err
		}
		completed = append(completed, types.CompletedPart{
			PartNumber: number, ETag: uploaded.ETag, ChecksumCRC32: uploaded.ChecksumCRC32,
		})
		if last {
			break
		}
		if n, last, err = fill(body, part); err != nil {
			return "", err
		}
	}
	out, err := b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: &key, UploadId: uploadID, MultipartUpload: &types.CompletedMultipartUpload{Parts: completed},
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.VersionId), nil
}

// fill reads until part is full or the body ends; last reports whether it has ended. (If
// the body ends exactly with the part, the next call returns n = 0 and last.)
func fill(body io.Reader, part []byte) (n int, last bool, err error) {
	n, err = io.ReadFull(body, part)
	if err == io.EOF || err == io.ErrUnexpectedEOF { // from ReadFull itself: a failing body wraps its error
		return n, true, nil
	}
	return n, false, err
}

// abort ignores errors, because the bucket's lifecycle rule removes remaining parts.
func (b *Bucket) abort(ctx context.Context, key string, uploadID *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	_, _ = b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &key, UploadId: uploadID})
}

func contentType(key string) string {
	if strings.HasSuffix(key, ".gz") {
		return "application/gzip" // a Content-Encoding would make clients decompress it
	}
	return "application/json"
}

// maxSmall bounds what Get reads, in bytes. A manifest has about 2 kB.
const maxSmall = 1 << 20

// Get implements archive.Store.
func (b *Bucket) Get(ctx context.Context, key string) (body []byte, tag string, err error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if _, absent := errors.AsType[*types.NoSuchKey](err); absent {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("get %s: %w", key, err)
	}
	defer out.Body.Close()
	body, err = io.ReadAll(io.LimitReader(out.Body, maxSmall+1))
	if err == nil && len(body) > maxSmall {
		err = fmt.Errorf("longer than %d bytes", maxSmall)
	}
	if err != nil {
		return nil, "", fmt.Errorf("get %s: %w", key, err)
	}
	return body, aws.ToString(out.ETag), nil
}

// Open implements archive.Store.
func (b *Bucket) Open(ctx context.Context, key, version string) (io.ReadCloser, error) {
	input := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if version != "" {
		input.VersionId = &version
	}
	out, err := b.client.GetObject(ctx, input)
	if _, frozen := errors.AsType[*types.InvalidObjectState](err); frozen {
		return nil, fmt.Errorf("get %s: %w", key, archive.ErrNotRestored)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	return out.Body, nil
}

// Version returns the id of an object's current version; it is empty if the bucket keeps
// no versions.
func (b *Bucket) Version(ctx context.Context, key string) (string, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return "", fmt.Errorf("head %s: %w", key, err)
	}
	return aws.ToString(out.VersionId), nil
}

// changed are the codes of S3 for a condition that is not met: another content, a write at
// the same time, an object that has been deleted.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
var changed = []string{"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}

// Replace implements archive.Store with one conditional PutObject. The SDK may repeat a
// request whose response was lost; the condition then fails because of the caller's own
// write. So ErrChanged does not mean that the write had no effect.
func (b *Bucket) Replace(ctx context.Context, key string, body []byte, tag string) error {
	input := &s3.PutObjectInput{Bucket: &b.name, Key: &key, ContentType: aws.String(contentType(key)), Body: bytes.NewReader(body)}
	if tag == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = &tag
	}
	_, err := b.client.PutObject(ctx, input)
	if failure, ok := errors.AsType[smithy.APIError](err); ok && slices.Contains(changed, failure.ErrorCode()) {
		return fmt.Errorf("put %s: %w: %w", key, archive.ErrChanged, err)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// List implements archive.Store.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, StartAfter: &after})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(archive.Entry{}, fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			for _, object := range page.Contents {
				if !yield(archive.Entry{Key: aws.ToString(object.Key), Written: aws.ToTime(object.LastModified)}, nil) {
					return
				}
			}
		}
	}
}
