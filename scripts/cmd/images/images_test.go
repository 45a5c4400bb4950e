package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// archive writes members as a tar file.
func archive(t *testing.T, headers []tar.Header, data ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i, h := range headers {
		h.Size = int64(len(data[i]))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func certificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// saved is what an engine saves of an image with one layer.
func saved(t *testing.T, config string, packed bool, headers []tar.Header, data ...[]byte) []byte {
	t.Helper()
	layer := archive(t, headers, data...)
	if packed {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(layer); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		layer = b.Bytes()
	}
	file := func(name string) tar.Header { return tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg} }
	return archive(t, []tar.Header{file("manifest.json"), file("config.json"), file("layer")},
		[]byte(`[{"Config": "config.json", "Layers": ["layer"]}]`), []byte(config), layer)
}

const goodConfig = `{"architecture": "arm64", "os": "linux", "config": {"Entrypoint": ["/bootstrap"], "Env": ["PATH=/bin"]}}`

func TestContents(t *testing.T) {
	plain := func(name string, mode int64) tar.Header {
		return tar.Header{Name: name, Mode: mode, Typeflag: tar.TypeReg}
	}
	good := []tar.Header{{Name: "etc/ssl/", Mode: 0o755, Typeflag: tar.TypeDir}, plain("./"+certificates, 0o644), plain("bootstrap", 0o755)}
	with := func(i int, h tar.Header) []tar.Header {
		all := slices.Clone(good)
		all[i] = h
		return all
	}
	for name, c := range map[string]struct {
		config  string
		headers []tar.Header
		want    string // of the check that fails, none if empty
	}{
		"when all is as Lambda needs it":         {goodConfig, good, ""},
		"when the processor is another":          {strings.Replace(goodConfig, "arm64", "amd64", 1), good, "image of linux/amd64"},
		"when a file is too many":                {goodConfig, append(slices.Clone(good), plain("bin/sh", 0o755)), "holds bin/sh, bootstrap"},
		"when the binary is not executable":      {goodConfig, with(2, plain("bootstrap", 0o644)), "bootstrap is a plain file of mode 644"},
		"when only its owner may read it":        {goodConfig, with(2, plain("bootstrap", 0o700)), "bootstrap is a plain file of mode 700"},
		"when everyone may write it":             {goodConfig, with(2, plain("bootstrap", 0o777)), "bootstrap is a plain file of mode 777"},
		"when it runs as another user":           {goodConfig, with(2, plain("bootstrap", 0o4755)), "bootstrap is a plain file of mode 4755"},
		"when the certificates are a link":       {goodConfig, with(1, tar.Header{Name: certificates, Linkname: "/x", Mode: 0o644, Typeflag: tar.TypeSymlink}), certificates + " is a plain file"},
		"when there are no certificates":         {goodConfig, with(1, plain("etc/other", 0o644)), "the CA certificates can be read"},
		"when the image names a user":            {strings.Replace(goodConfig, `"Env"`, `"User": "0", "Env"`, 1), good, `user "0"`},
		"when the entry point is another":        {strings.Replace(goodConfig, "/bootstrap", "/bin/sh", 1), good, "entry point"},
		"when the entry point gets arguments":    {strings.Replace(goodConfig, `"Env"`, `"Cmd": ["x"], "Env"`, 1), good, "entry point"},
		"when a secret is in the environment":    {strings.Replace(goodConfig, `"PATH=/bin"`, `"PATH=/bin", "TOKEN=x"`, 1), good, "environment"},
		"when a port is exposed":                 {strings.Replace(goodConfig, `"Env"`, `"ExposedPorts": {"80/tcp": {}}, "Env"`, 1), good, "1 ports"},
		"when a later layer would hide the file": {goodConfig, append(slices.Clone(good), plain(".wh.bootstrap", 0)), "holds .wh.bootstrap"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, packed := range []bool{false, true} {
				data := make([][]byte, len(c.headers))
				for i, h := range c.headers {
					if h.Typeflag == tar.TypeReg {
						data[i] = certificate(t)
					}
				}
				read, err := readArchive(saved(t, c.config, packed, c.headers, data...))
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				a := &app{out: &out}
				a.contents(read)
				if read.compressed == 0 || (a.failed == 0) != (c.want == "") || c.want != "" && !strings.Contains(out.String(), "FAIL  "+c.want) && !strings.Contains(out.String(), c.want) {
					t.Errorf("%d failed, want %q\n%s", a.failed, c.want, out.String())
				}
			}
		})
	}
	t.Run("when a mode differs between builds, it shows", func(t *testing.T) {
		listing := func(mode int64) string {
			c, err := readArchive(saved(t, goodConfig, false, with(2, plain("bootstrap", mode))[2:], []byte("x")))
			if err != nil {
				t.Fatal(err)
			}
			return c.listing()
		}
		if again := listing(0o755); again == listing(0o555) || again != listing(0o755) {
			t.Error(listing(0o755))
		}
	})
}

func TestBinary(t *testing.T) {
	t.Run("when it is another program, each check says so", func(t *testing.T) {
		var out bytes.Buffer
		a := &app{out: &out, skipped: map[string]bool{}}
		if err := a.binary(os.Args[0], image{handler: "webhook-validator", base: "golang:1.2.3-alpine"}, false); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"FAIL  built from", "FAIL  built with -tags=", "the image's compiler: the Dockerfile's is go1.2.3"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %s in\n%s", want, out.String())
			}
		}
	})
	t.Run("when an engine compiled it, it has to be with the Dockerfile's version", func(t *testing.T) {
		for base, want := range map[string]string{"golang:1.2.3-alpine": "FAIL  compiled by " + runtime.Version() + ", the Dockerfile's is go1.2.3", "golang:" + strings.TrimPrefix(runtime.Version(), "go"): "ok    compiled by " + runtime.Version()} {
			var out bytes.Buffer
			a := &app{out: &out, skipped: map[string]bool{}}
			if err := a.binary(os.Args[0], image{handler: "webhook-validator", base: base}, true); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %s in\n%s", want, out.String())
			}
		}
	})
	t.Run("when it is for another processor, the check says for which", func(t *testing.T) {
		program, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		for machine, want := range map[elf.Machine]string{elf.EM_AARCH64: "ok    binary for EM_AARCH64", elf.EM_X86_64: "FAIL  binary for EM_X86_64"} {
			const offset = 18 // of e_machine in an ELF header
			binary.LittleEndian.PutUint16(program[offset:], uint16(machine))
			path := filepath.Join(t.TempDir(), "bootstrap")
			if err := os.WriteFile(path, program, 0o700); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			a := &app{out: &out, skipped: map[string]bool{}}
			if err := a.binary(path, image{handler: "webhook-validator"}, false); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %s in\n%s", want, out.String())
			}
		}
	})
}

// TestMain is a function's binary if it is started as one.
func TestMain(m *testing.M) {
	if answer := os.Getenv("TEST_ANSWER"); answer != "" {
		function(answer)
		return
	}
	os.Exit(m.Run())
}

// function asks the Runtime API for an event and answers; "exit" ends without an answer.
func function(answer string) {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + prefix
	response, err := http.Get(api + "invocation/next")
	if err != nil {
		panic(err)
	}
	event, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	if answer == "exit" {
		os.Exit(3)
	}
	if answer == "aws" {
		refusal, err := http.Get(os.Getenv("AWS_ENDPOINT_URL"))
		if err != nil {
			panic(err)
		}
		text, err := io.ReadAll(refusal.Body)
		if err != nil {
			panic(err)
		}
		answer = string(text)
	}
	body := strings.NewReader(fmt.Sprintf("%s %d", answer, len(event)))
	if _, err := http.Post(api+"invocation/"+response.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "", body); err != nil {
		panic(err)
	}
	_, _ = http.Get(api + "invocation/next") // waits until it is killed
}

func TestInvoke(t *testing.T) {
	for name, c := range map[string]struct{ answer, want, err string }{
		"when the function answers, that is it":          {`{"statusCode":400}`, `{"statusCode":400}`, ""},
		"when the answer is another, it is an error":     {"something else", "", "something else"},
		"when it ends without one, that is an error":     {"exit", "", "exit status 3"},
		"when it calls AWS, the call is refused at once": {"aws", "", "AccessDeniedException"},
	} {
		t.Run(name, func(t *testing.T) {
			i := image{handler: "webhook-validator", environment: map[string]string{"TEST_ANSWER": c.answer}}
			got, err := invoke(t.Context(), nil, os.Args[0], "../../..", i)
			if !strings.Contains(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	t.Run("when there is a handler, there is an event for it", func(t *testing.T) {
		mains, err := filepath.Glob("../../../handlers/*/main.go")
		if err != nil || len(mains) < 4 {
			t.Fatalf("%v, %v", mains, err)
		}
		for _, main := range mains {
			e := image{handler: filepath.Base(filepath.Dir(main))}.event()
			text, err := e.read("../../..")
			if err != nil || !json.Valid(text) || e.want == "" {
				t.Errorf("%s: %v", main, err)
			}
		}
	})
	t.Run("when a handler has none, it is an error", func(t *testing.T) {
		if _, err := (image{handler: "new"}).event().read("../../.."); err == nil {
			t.Error("no error")
		}
	})
}

func TestFlags(t *testing.T) {
	t.Run("when the Dockerfile is the project's, its flags are used", func(t *testing.T) {
		got, err := flagsOf("../../../handlers/Dockerfile")
		if want := []string{"-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v", got, err)
		}
		if base, err := baseOf("../../../handlers/Dockerfile"); err != nil || !goVersion.MatchString(base) {
			t.Errorf("base %q, %v", base, err)
		}
	})
	t.Run("when it builds otherwise, it is an error", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "Dockerfile")
		if err := os.WriteFile(file, []byte("FROM scratch\nRUN make\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := flagsOf(file); err == nil {
			t.Error("no error for the flags")
		}
		if _, err := baseOf(file); err == nil {
			t.Error("no error for the base")
		}
	})
}

// assembly writes a cloud assembly with one image and returns its folder.
func assembly(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	dockerfile, err := os.ReadFile("../../../handlers/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"T.assets.json":        `{"dockerImages": {"abc": {"source": {"directory": "asset.abc", "platform": "linux/arm64", "dockerBuildArgs": {"HANDLER": "event-relay"}}}}}`,
		"T.template.json":      `{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": {"Fn::Sub": "x:abc"}}, "Environment": {"Variables": {"A": "b", "C": {"Ref": "D"}}}}}}}`,
		"asset.abc/Dockerfile": string(dockerfile),
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestReadImages(t *testing.T) {
	t.Run("when a function uses an image, it has its environment", func(t *testing.T) {
		images, err := readImages(assembly(t))
		if err != nil || len(images) != 1 || images[0].handler != "event-relay" || images[0].environment["A"] != "b" || images[0].environment["C"] != "placeholder" {
			t.Errorf("%+v, %v", images, err)
		}
	})
	t.Run("when there is no assembly, it says how to make one", func(t *testing.T) {
		if _, err := readImages(t.TempDir()); err == nil || !strings.Contains(err.Error(), "cdk synth") {
			t.Errorf("error %v", err)
		}
	})
}

func TestEngine(t *testing.T) {
	// fake puts a docker into a path of its own.
	fake := func(t *testing.T, script string) {
		t.Helper()
		folder := t.TempDir()
		if script != "" {
			if err := os.WriteFile(filepath.Join(folder, "docker"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", folder)
	}
	command := func(t *testing.T, mode string, more ...string) (int, string) {
		t.Helper()
		var out, errs bytes.Buffer
		args := append([]string{"--cdk-out", assembly(t), "--out", t.TempDir(), "--repository", "../../..", "--engine", mode}, more...)
		status := run(t.Context(), args, &out, &errs)
		return status, out.String() + errs.String()
	}
	for name, c := range map[string]struct{ script, reason string }{
		"when none is installed":            {"", "docker is not installed; podman is not installed"},
		"when its daemon does not run":      {"echo noise; echo no daemon; exit 1", "docker does not work: no daemon"},
		"when the base image cannot be had": {`[ "$1" = info ] && exit 0; echo no network; exit 1`, "docker cannot get the base image docker.io/library/golang:"},
	} {
		t.Run(name+", the reason is said", func(t *testing.T) {
			fake(t, c.script)
			if status, out := command(t, engineOnly); status != 0 || !strings.Contains(out, "skipped") || !strings.Contains(out, c.reason) {
				t.Errorf("status %d, %s", status, out)
			}
			if status, out := command(t, engineRequired); status != 1 || !strings.Contains(out, c.reason) {
				t.Errorf("status %d, %s", status, out)
			}
		})
	}
	t.Run("when it builds an image with more in it, that fails", func(t *testing.T) {
		image := filepath.Join(t.TempDir(), "image.tar")
		tarball := saved(t, goodConfig, true, []tar.Header{{Name: "bootstrap", Mode: 0o755, Typeflag: tar.TypeReg}, {Name: "extra", Mode: 0o644, Typeflag: tar.TypeReg}}, []byte("x"), []byte("y"))
		if err := os.WriteFile(image, tarball, 0o600); err != nil {
			t.Fatal(err)
		}
		fake(t, `[ "$1" = save ] && exec /bin/cat `+image+`; exit 0`)
		if status, out := command(t, engineAny); status != 1 || !strings.Contains(out, "FAIL  holds bootstrap, extra") {
			t.Errorf("status %d, %s", status, out)
		}
	})
	t.Run("when another base image is named, it is asked for and builds begin with it", func(t *testing.T) {
		calls := filepath.Join(t.TempDir(), "calls")
		fake(t, `echo "$@" >>`+calls+`; exit 0`)
		_, out := command(t, engineRequired, "--base", "mirror.example.com/golang:1")
		if !strings.Contains(out, "not the Dockerfile's base image: mirror.example.com/golang:1") {
			t.Error(out)
		}
		text, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		pinned, err := baseOf("../../../handlers/Dockerfile")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"image inspect mirror.example.com/golang:1\n", " --build-context " + pinned + "=docker-image://mirror.example.com/golang:1 "} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	})
	t.Run("when a flag is wrong, so is the usage", func(t *testing.T) {
		if status, _ := command(t, "sometimes"); status != 2 {
			t.Errorf("status %d", status)
		}
	})
}
