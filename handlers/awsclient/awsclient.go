package awsclient

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Configure keeps the SDK from closing a connection whose response is still being read. It is called
// once for a configuration, before clients are built from it.
//
// The SDK closes the body of a request as soon as the response begins. A closed body's Read returns
// io.EOF, and so does its WriteTo, for which io.EOF is an error (it is nil that means the end). net/http
// looks for more after the last byte of a body, through WriteTo where there is one. On a busy machine
// the response may begin before that: the request, sent whole, is then taken for failed, and its
// connection is closed. What has not been read of the response is lost: "deserialization failed, failed
// to decode response body, … use of closed network connection". The SDK tries again, which fails alike
// while the machine is as busy. Without WriteTo, Read reports the end as it should.
//
// The SDK still does so in smithy-go 1.28.9: https://github.com/aws/aws-sdk-go-v2/issues/2737 was closed
// by making the error one to retry. The code is safeWriteToReadCloser in
// https://github.com/aws/smithy-go/blob/v1.24.2/transport/http/internal/io/safe.go and writeBody in
// https://github.com/golang/go/blob/go1.26.0/src/net/http/transfer.go.
func Configure(cfg *aws.Config) {
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		// The last step before the HTTP client: the body's length and checksums are computed by then.
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("HideWriteTo", hideWriteTo), middleware.After)
	})
}

// hideWriteTo gives an attempt a body without WriteTo. Another attempt rewinds the operation's own body.
func hideWriteTo(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	out middleware.DeserializeOutput, metadata middleware.Metadata, err error,
) {
	if request, ok := in.Request.(*smithyhttp.Request); ok {
		if _, ok := request.GetStream().(io.WriterTo); ok {
			if in.Request, err = request.SetStream(struct{ io.Reader }{request.GetStream()}); err != nil {
				return out, metadata, err
			}
		}
	}
	return next.HandleDeserialize(ctx, in)
}
