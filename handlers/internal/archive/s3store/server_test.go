package s3store_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is as much of S3 as the bucket uses. It keeps every version.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	objects  map[string]object // current versions
	versions map[string]object // by version id
	uploads  map[string]*upload
	forget   bool   // keeps no content
	conflict string // code of the response to the next conditional write, once
	serial   int
}

type object struct {
	content     []byte
	contentType string
	etag        string
}

// put stores a new version and responds with its id.
func (s *server) put(w http.ResponseWriter, key string, o object) {
	s.serial++
	version := fmt.Sprintf("version-%d", s.serial)
	o.etag = fmt.Sprintf(`"%d"`, s.serial)
	s.objects[key], s.versions[version] = o, o
	w.Header().Set("X-Amz-Version-Id", version)
	w.Header().Set("ETag", o.etag)
}

// failure writes an error.
func failure(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
}

// met reports whether a write's condition is met, and writes the error if it is not.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (s *server) met(w http.ResponseWriter, r *http.Request, key string) bool {
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	current, exists := s.objects[key]
	switch {
	case match == "" && none == "":
	case s.conflict != "":
		failure(w, http.StatusConflict, s.conflict)
		s.conflict = ""
		return false
	case match != "" && !exists:
		failure(w, http.StatusNotFound, "NoSuchKey")
		return false
	case match != "" && match != current.etag, none == "*" && exists:
		failure(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return false
	}
	return true
}

type upload struct {
	object
	parts int
}

func newServer(t *testing.T) *server {
	s := &server{objects: map[string]object{}, versions: map[string]object{}, uploads: map[string]*upload{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	if bucket != bucketName {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<Error><Code>NoSuchBucket</Code></Error>")
		return
	}
	var body []byte
	if s.forget {
		_, _ = io.Copy(io.Discard, r.Body)
	} else {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := query.Get("uploadId")
	switch {
	case r.Method == http.MethodGet && query.Has("uploads"):
		s.listUploads(w)
	case r.Method == http.MethodGet && query.Has("list-type"):
		s.list(w, query.Get("prefix"), max(query.Get("start-after"), query.Get("continuation-token")))
	case r.Method == http.MethodGet:
		o, ok := s.objects[key]
		if version := query.Get("versionId"); version != "" {
			o, ok = s.versions[version]
		}
		if !ok {
			failure(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("Content-Type", o.contentType)
		w.Header().Set("ETag", o.etag)
		_, _ = w.Write(o.content)
	case r.Method == http.MethodPut && id == "":
		if s.met(w, r, key) {
			s.put(w, key, object{content: body, contentType: r.Header.Get("Content-Type")})
		}
	case r.Method == http.MethodPost && query.Has("uploads"):
		s.serial++
		id = strconv.Itoa(s.serial)
		s.uploads[id] = &upload{object: object{contentType: r.Header.Get("Content-Type")}}
		fmt.Fprintf(w, "<R><UploadId>%s</UploadId></R>", id)
	case s.uploads[id] == nil:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodPut:
		u := s.uploads[id]
		if u.parts++; query.Get("partNumber") != strconv.Itoa(u.parts) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		u.content = append(u.content, body...)
		w.Header().Set("ETag", fmt.Sprintf("%q", query.Get("partNumber")))
	case r.Method == http.MethodPost:
		if strings.Count(string(body), "<Part>") != s.uploads[id].parts && !s.forget {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.put(w, key, s.uploads[id].object)
		delete(s.uploads, id)
		fmt.Fprint(w, "<R></R>")
	case r.Method == http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *server) listUploads(w http.ResponseWriter) {
	fmt.Fprint(w, "<R>")
	for id := range s.uploads {
		fmt.Fprintf(w, "<Upload><UploadId>%s</UploadId></Upload>", id)
	}
	fmt.Fprint(w, "</R>")
}

func (s *server) list(w http.ResponseWriter, prefix, after string) {
	type content struct{ Key, LastModified string }
	result := struct {
		XMLName               xml.Name `xml:"R"`
		Contents              []content
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
	}{}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		if len(result.Contents) == 1000 {
			result.IsTruncated = true
			result.NextContinuationToken = result.Contents[999].Key
			break
		}
		result.Contents = append(result.Contents, content{key, time.Now().UTC().Format(time.RFC3339)})
	}
	_ = xml.NewEncoder(w).Encode(result)
}
