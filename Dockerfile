# One file for every handler: build argument HANDLER names the directory under
# handlers/. Needs BuildKit (Docker's default) or Buildah for BUILDPLATFORM and
# cache mounts.

# The compiler runs on the machine's own platform and cross-compiles: much
# faster than an emulated one.
FROM --platform=$BUILDPLATFORM golang:1.26-alpine AS build
ARG TARGETOS=linux
ARG TARGETARCH=arm64
ARG HANDLER
WORKDIR /src
COPY . .
# Modules come as the build asks for them: go.mod also names the CDK, which no
# handler needs. lambda.norpc leaves out the support for the retired go1.x
# runtime; without CGO the binary needs no C library, so the image holds none.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    test -n "$HANDLER" && \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -tags lambda.norpc -ldflags "-s -w" -o /bootstrap "./handlers/$HANDLER"

FROM scratch
# The AWS SDK verifies the endpoints' certificates.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /bootstrap /bootstrap
ENTRYPOINT ["/bootstrap"]
