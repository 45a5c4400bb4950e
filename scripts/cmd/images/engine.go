package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"time"
)

// engine is docker or podman.
type engine struct {
	name string
	base string // the image to begin builds with, "" for the Dockerfile's
}

func look(name string) (string, bool) {
	found, err := exec.LookPath(name)
	return found, err == nil
}

// findEngine returns an engine that works and has, or can get, the base image, or the reason
// why there is none. base is used in place of the images' own unless it is empty.
func findEngine(ctx context.Context, images []image, base string) (*engine, string) {
	var reasons []string
	for _, name := range []string{"docker", "podman"} {
		if _, ok := look(name); !ok {
			reasons = append(reasons, name+" is not installed")
			continue
		}
		ask, cancel := context.WithTimeout(ctx, time.Minute)
		out, err := exec.CommandContext(ask, name, "info").CombinedOutput()
		cancel()
		if err != nil {
			reasons = append(reasons, name+" does not work: "+lastLine(out))
			continue
		}
		if reason := pull(ctx, name, images, base); reason != "" {
			reasons = append(reasons, reason)
			continue
		}
		return &engine{name, base}, ""
	}
	return nil, strings.Join(reasons, "; ")
}

// pull gets the base images, unless they are there.
func pull(ctx context.Context, name string, images []image, base string) (reason string) {
	bases := map[string]bool{}
	for _, i := range images {
		bases[cmp.Or(base, i.base)] = true
	}
	for _, base := range slices.Sorted(maps.Keys(bases)) {
		if exec.CommandContext(ctx, name, "image", "inspect", base).Run() == nil {
			continue
		}
		limit, cancel := context.WithTimeout(ctx, 10*time.Minute)
		out, err := exec.CommandContext(limit, name, "pull", "--quiet", base).CombinedOutput()
		cancel()
		if err != nil {
			return name + " cannot get the base image " + base + ": " + lastLine(out)
		}
	}
	return ""
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// contents is what an image holds.
type contents struct {
	files        map[string]file // by path without a leading slash; folders are left out
	architecture string
	system       string
	user         string
	entrypoint   []string
	command      []string
	environment  []string
	ports        int
	compressed   int64 // bytes of all layers, gzipped
}

type file struct {
	mode int64
	kind byte // of a tar header
	data []byte
}

// listing names the files with mode and digest, and how the image is run.
func (c *contents) listing() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		f := c.files[name]
		fmt.Fprintf(&b, "%s %o %c %x\n", name, f.mode, f.kind, sha256.Sum256(f.data))
	}
	fmt.Fprintf(&b, "%s/%s %q %q %q %q", c.system, c.architecture, c.user, c.entrypoint, c.command, c.environment)
	return b.String()
}

// build builds an image as the CDK CLI does and reads it. fresh leaves out the cache of steps.
func (e *engine) build(ctx context.Context, i image, fresh bool) (*contents, error) {
	tag := "payment-webhooks-check:" + i.handler
	args := []string{"build", "--platform", i.platform, "--tag", tag, "--file", i.dockerfile}
	if e.base != "" {
		// https://docs.docker.com/reference/cli/docker/buildx/build/#build-context
		// https://docs.podman.io/en/latest/markdown/podman-build.1.html#build-context-name-value
		args = append(args, "--build-context", i.base+"=docker-image://"+e.base)
	}
	if fresh {
		args = append(args, "--no-cache")
		if e.name == "podman" { // it would keep an image of each step, of some 200 MB, for no later build
			args = append(args, "--layers=false")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(i.arguments)) {
		args = append(args, "--build-arg", name+"="+i.arguments[name])
	}
	command := exec.CommandContext(ctx, e.name, append(args, i.directory)...)
	// Lambda refuses an index with attestations.
	command.Env = append(os.Environ(), "BUILDX_NO_DEFAULT_ATTESTATIONS=1")
	if out, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	save := exec.CommandContext(ctx, e.name, "save", tag)
	archive, err := save.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", save, err)
	}
	remove := exec.CommandContext(ctx, e.name, "image", "rm", "--force", tag)
	if out, err := remove.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", remove, err, out)
	}
	return readArchive(archive)
}

// readArchive reads what `docker save` and `podman save` write.
func readArchive(archive []byte) (*contents, error) {
	members := map[string][]byte{}
	err := eachFile(bytes.NewReader(archive), func(h *tar.Header, data []byte) { members[h.Name] = data })
	if err != nil {
		return nil, fmt.Errorf("image archive: %w", err)
	}
	var manifest []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(members["manifest.json"], &manifest); err != nil || len(manifest) != 1 {
		return nil, fmt.Errorf("image archive: %d images in manifest.json, %w", len(manifest), err)
	}
	var config struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
		Config       struct {
			User            string
			Entrypoint, Cmd []string
			Env             []string
			ExposedPorts    map[string]any
		} `json:"config"`
	}
	if err := json.Unmarshal(members[manifest[0].Config], &config); err != nil {
		return nil, fmt.Errorf("image configuration: %w", err)
	}
	c := &contents{
		files: map[string]file{}, architecture: config.Architecture, system: config.OS, user: config.Config.User,
		entrypoint: config.Config.Entrypoint, command: config.Config.Cmd, environment: config.Config.Env, ports: len(config.Config.ExposedPorts),
	}
	for _, layer := range manifest[0].Layers {
		data, ok := members[layer]
		if !ok {
			return nil, fmt.Errorf("image archive: no layer %s", layer)
		}
		plain, err := unpacked(data)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", layer, err)
		}
		size, err := gzipped(plain)
		if err != nil {
			return nil, err
		}
		c.compressed += size
		err = eachFile(bytes.NewReader(plain), func(h *tar.Header, data []byte) {
			if h.Typeflag != tar.TypeDir {
				c.files[strings.TrimPrefix(path.Clean("/"+h.Name), "/")] = file{h.Mode, h.Typeflag, data}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", layer, err)
		}
	}
	return c, nil
}

func eachFile(r io.Reader, found func(*tar.Header, []byte)) error {
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		found(header, data)
	}
}

// unpacked returns a layer that may be gzipped.
func unpacked(data []byte) ([]byte, error) {
	r := bufio.NewReader(bytes.NewReader(data))
	if magic, err := r.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return data, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func gzipped(data []byte) (int64, error) {
	var counter count
	z := gzip.NewWriter(&counter)
	if _, err := z.Write(data); err != nil {
		return 0, err
	}
	err := z.Close() // writes the rest
	return int64(counter), err
}

// count counts what is written to it.
type count int64

func (c *count) Write(p []byte) (int, error) {
	*c += count(len(p))
	return len(p), nil
}
