package endpoint

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// streamPosition gives the errors of DynamoDB Streams to requests for a shard or a position
// that a stream does not have. moto responds to them with 500.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html
func streamPosition(r *http.Response) error {
	target := r.Request.Header.Get("X-Amz-Target")
	if r.StatusCode != http.StatusInternalServerError || !strings.HasPrefix(target, "DynamoDBStreams_") {
		return nil
	}
	code := map[string]string{"GetShardIterator": "ResourceNotFoundException", "GetRecords": "TrimmedDataAccessException"}[target[strings.Index(target, ".")+1:]]
	if code == "" {
		return nil
	}
	body := `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"the stream has no such shard or position"}`
	r.StatusCode, r.Status = http.StatusBadRequest, "400 Bad Request"
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.ContentLength = int64(len(body))
	_ = r.Body.Close()
	r.Body = io.NopCloser(strings.NewReader(body))
	return nil
}
