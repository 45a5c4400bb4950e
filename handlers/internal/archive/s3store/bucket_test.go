package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/archive/s3store"
)

const bucketName = "audit"

func client(endpoint string) *sdk.Client {
	return s3store.NewClient(aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	})
}

// servers are the S3s that the bucket is held against: a small one in this
// process, and one that the end-to-end tests start and name.
func servers(t *testing.T) map[string]*sdk.Client {
	all := map[string]*sdk.Client{"in process": client(newServer(t).URL)}
	if endpoint := os.Getenv("STORETEST_S3_ENDPOINT"); endpoint != "" {
		c := client(endpoint)
		if _, err := c.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: aws.String(bucketName)}); err != nil {
			t.Logf("create bucket: %v", err) // it may be there
		}
		if _, err := c.PutBucketVersioning(t.Context(), &sdk.PutBucketVersioningInput{
			Bucket: aws.String(bucketName), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		}); err != nil {
			t.Fatal(err)
		}
		all[endpoint] = c
	}
	return all
}

const (
	part = 8 << 20
	key  = "transactions/dt=2026-11-20/hour=15/shard-3.jsonl.gz"
)

// noise is n bytes that do not compress, the same for the same seed.
func noise(n int64, seed uint64) io.Reader {
	var s [32]byte
	s[0] = byte(seed)
	return io.LimitReader(rand.NewChaCha8(s), n)
}

// get returns an object's size, checksum and content type.
func get(t *testing.T, c *sdk.Client, key string) string {
	t.Helper()
	object, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucketName), Key: &key})
	if err != nil {
		return "none"
	}
	defer object.Body.Close()
	sum := crc32.NewIEEE()
	n, err := io.Copy(sum, object.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d bytes %x, %s", n, sum.Sum32(), aws.ToString(object.ContentType))
}

// expect is what get should return for noise.
func expect(n int64, seed uint64, contentType string) string {
	sum := crc32.NewIEEE()
	_, _ = io.Copy(sum, noise(n, seed))
	return fmt.Sprintf("%d bytes %x, %s", n, sum.Sum32(), contentType)
}

func TestObjectsOfEverySizeArriveWhole(t *testing.T) {
	for name, c := range servers(t) {
		for i, size := range []int64{0, 1, part - 1, part, part + 1, 2 * part, 2*part + 12345} {
			t.Run(fmt.Sprintf("%s/%d bytes", name, size), func(t *testing.T) {
				if _, err := s3store.New(c, bucketName).Put(t.Context(), key, noise(size, uint64(i))); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(expect(size, uint64(i), "application/gzip"), get(t, c, key)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestManifestIsJSON(t *testing.T) {
	for name, c := range servers(t) {
		t.Run(name, func(t *testing.T) {
			const key = "manifests/dt=2026-11-20/hour=15.json"
			if _, err := s3store.New(c, bucketName).Put(t.Context(), key, noise(10, 1)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(expect(10, 1, "application/json"), get(t, c, key)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var errBroken = errors.New("broken")

// breaking yields n bytes, then fails.
func breaking(n int64) io.Reader {
	return io.MultiReader(noise(n, 9), errorReader{fmt.Errorf("object given up: %w", errBroken)})
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestFailedBodyLeavesObjectUnchanged(t *testing.T) {
	for name, c := range servers(t) {
		for _, size := range []int64{0, 10, part, part + 10, 2*part + 10} {
			t.Run(fmt.Sprintf("%s/after %d bytes", name, size), func(t *testing.T) {
				b := s3store.New(c, bucketName)
				if _, err := b.Put(t.Context(), key, noise(10, 1)); err != nil {
					t.Fatal(err)
				}
				if _, err := b.Put(t.Context(), key, breaking(size)); !errors.Is(err, errBroken) {
					t.Errorf("error %v", err)
				}
				if diff := cmp.Diff(expect(10, 1, "application/gzip"), get(t, c, key)); diff != "" {
					t.Error(diff)
				}
				noUploads(t, c)
			})
		}
	}
}

// noUploads checks that no parts are kept, which would cost money unseen.
func noUploads(t *testing.T, c *sdk.Client) {
	t.Helper()
	uploads, err := c.ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: aws.String(bucketName)})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(uploads.Uploads); n > 0 {
		t.Errorf("%d unfinished uploads are left", n)
	}
}

// cancelling ends a context once n bytes are read.
type cancelling struct {
	io.Reader
	left   int64
	cancel context.CancelFunc
}

func (r *cancelling) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if r.left -= int64(n); r.left <= 0 {
		r.cancel()
	}
	return n, err
}

func TestTimedOutUploadIsAborted(t *testing.T) {
	for name, c := range servers(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			body := &cancelling{noise(4*part, 1), part + 10, cancel}
			if _, err := s3store.New(c, bucketName).Put(ctx, "transactions/late.jsonl.gz", body); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if got := get(t, c, "transactions/late.jsonl.gz"); got != "none" {
				t.Error(got)
			}
			noUploads(t, c)
		})
	}
}

func TestKeysAreListedInOrderOverPages(t *testing.T) {
	for name, c := range servers(t) {
		t.Run(name, func(t *testing.T) {
			b := s3store.New(c, bucketName)
			hour := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
			var want []string
			for i := range 1005 { // S3 lists 1 000 a page
				k := hour.Add(time.Duration(i) * time.Hour).Format("listing/dt=2006-01-02/hour=15.json")
				// Not Put, whose buffer for a part takes longer to clear than all else here.
				if _, err := c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucketName), Key: &k, Body: strings.NewReader("{}")}); err != nil {
					t.Fatal(err)
				}
				if i >= 2 {
					want = append(want, k)
				}
			}
			var got []string
			for entry, err := range b.List(t.Context(), "listing/", "listing/dt=2026-11-20/hour=16.json") {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, entry.Key)
				if age := time.Since(entry.Written); age < -time.Minute || age > 10*time.Minute {
					t.Fatalf("%s was written at %s", entry.Key, entry.Written)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFailedListingIsAnError(t *testing.T) {
	for name, c := range servers(t) {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, err := range s3store.New(c, "no-such-bucket").List(t.Context(), "manifests/", "") {
				if n++; err == nil {
					t.Error("a key of a bucket that is not there")
				}
			}
			if n != 1 {
				t.Errorf("%d elements, want one error", n)
			}
		})
	}
}

// heap notes the live heap now and then while it is read.
type heap struct {
	io.Reader
	read, next int64
	peak       uint64
}

func (r *heap) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if r.read += int64(n); r.read >= r.next {
		r.next += 4 << 20
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		r.peak = max(r.peak, m.HeapAlloc)
	}
	return n, err
}

func TestOnePartIsInMemory(t *testing.T) {
	server := newServer(t)
	server.forget = true
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	body := &heap{Reader: noise(16*part, 1)}
	if _, err := s3store.New(client(server.URL), bucketName).Put(t.Context(), key, body); err != nil {
		t.Fatal(err)
	}
	t.Logf("live heap grew by at most %d kB for %d kB", (body.peak-before.HeapAlloc)>>10, body.read>>10)
	if body.read != 16*part || body.peak > before.HeapAlloc+part+part/2 {
		t.Errorf("%d bytes more than before", body.peak-before.HeapAlloc)
	}
}

func TestVersionsAreKept(t *testing.T) {
	for name, c := range servers(t) {
		for _, size := range []int64{10, part + 10} {
			t.Run(fmt.Sprintf("%s/of %d bytes", name, size), func(t *testing.T) {
				b := s3store.New(c, bucketName)
				first, err := b.Put(t.Context(), key, noise(size, 1))
				if err != nil {
					t.Fatal(err)
				}
				second, err := b.Put(t.Context(), key, noise(size, 2))
				if err != nil || first == "" || second == "" || first == second {
					t.Fatalf("versions %q and %q, %v", first, second, err)
				}
				for version, seed := range map[string]uint64{first: 1, second: 2, "": 2} {
					body, err := b.Open(t.Context(), key, version)
					if err != nil {
						t.Fatal(err)
					}
					got, want := crc32.NewIEEE(), crc32.NewIEEE()
					_, _ = io.Copy(want, noise(size, seed))
					if n, err := io.Copy(got, body); err != nil || n != size || got.Sum32() != want.Sum32() {
						t.Errorf("version %q: %d bytes %x, %v", version, n, got.Sum32(), err)
					}
					body.Close()
				}
			})
		}
	}
	t.Run("and an unknown one is an error", func(t *testing.T) {
		if _, err := s3store.New(client(newServer(t).URL), bucketName).Open(t.Context(), key, ""); err == nil {
			t.Error("no error")
		}
	})
}

func TestReplace(t *testing.T) {
	for name, c := range servers(t) {
		t.Run(name, func(t *testing.T) {
			const key = "manifests/dt=2026-11-21/hour=16.json"
			b := s3store.New(c, bucketName)
			if body, tag, err := b.Get(t.Context(), key); body != nil || tag != "" || err != nil {
				t.Fatalf("an absent object is %q, tag %q, %v", body, tag, err)
			}
			if err := b.Replace(t.Context(), key, []byte("1"), `"none"`); !errors.Is(err, archive.ErrChanged) {
				t.Errorf("an absent object was replaced: %v", err)
			}
			if err := b.Replace(t.Context(), key, []byte("1"), ""); err != nil {
				t.Fatal(err)
			}
			_, first, err := b.Get(t.Context(), key)
			if err != nil || first == "" {
				t.Fatalf("tag %q, %v", first, err)
			}
			if err := b.Replace(t.Context(), key, []byte("2"), ""); !errors.Is(err, archive.ErrChanged) {
				t.Errorf("an existing object was created: %v", err)
			}
			if err := b.Replace(t.Context(), key, []byte("2"), first); err != nil {
				t.Fatal(err)
			}
			if err := b.Replace(t.Context(), key, []byte("3"), first); !errors.Is(err, archive.ErrChanged) {
				t.Errorf("a changed object was replaced: %v", err)
			}
			if body, tag, err := b.Get(t.Context(), key); string(body) != "2" || tag == first || err != nil {
				t.Errorf("%q, tag %q, %v", body, tag, err)
			}
		})
	}
	t.Run("when another write is under way", func(t *testing.T) {
		s := newServer(t)
		s.conflict = "ConditionalRequestConflict"
		if err := s3store.New(client(s.URL), bucketName).Replace(t.Context(), key, []byte("1"), ""); !errors.Is(err, archive.ErrChanged) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("when the bucket does not exist", func(t *testing.T) {
		b := s3store.New(client(newServer(t).URL), "no-such-bucket")
		if err := b.Replace(t.Context(), key, []byte("1"), ""); err == nil || errors.Is(err, archive.ErrChanged) {
			t.Errorf("error %v", err)
		}
		if _, _, err := b.Get(t.Context(), key); err == nil {
			t.Error("no error")
		}
	})
}

func TestGetIsBounded(t *testing.T) {
	s := newServer(t)
	b := s3store.New(client(s.URL), bucketName)
	if _, err := b.Put(t.Context(), key, noise(2<<20, 1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Get(t.Context(), key); err == nil {
		t.Error("2 MiB were read")
	}
}
