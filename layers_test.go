package main

import (
	"errors"
	"go/build"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLayers: dependencies point one way, app → constructs → handlers' public
// packages. What emulates AWS knows the synthesized assembly and nothing of the
// code behind it, or it could not find the template wrong.
func TestLayers(t *testing.T) {
	packages := 0
	look := func(dir string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.IsDir():
			return err
		case entry.Name() == "testdata":
			return fs.SkipDir
		}
		pkg, err := build.ImportDir(dir, 0)
		if _, none := errors.AsType[*build.NoGoError](err); none {
			return nil
		}
		name := path.Join("payment-webhooks", filepath.ToSlash(dir))
		packages++
		if slices.Contains(pkg.Imports, "github.com/aws/aws-sdk-go-v2/config") && !slices.Contains(pkg.Imports, awsClient) {
			t.Errorf("%s configures AWS clients without %s", name, awsClient)
		}
		for _, other := range pkg.Imports {
			in := func(importer, imported string) bool {
				return strings.HasPrefix(name+"/", "payment-webhooks/"+importer+"/") && strings.HasPrefix(other+"/", "payment-webhooks/"+imported+"/")
			}
			switch {
			case in("constructs", "local"), in("constructs", "scripts"), in("local", "constructs"), in("local", "scripts"),
				in("local", "handlers") && !client(name) && other != awsClient, in("scripts", "constructs") && !in("scripts", "constructs/tiers"),
				in("constructs/tiers", "constructs"), in("examples", "handlers/internal"):
				t.Errorf("%s imports %s", name, other)
			case other == "payment-webhooks/local":
				t.Errorf("%s imports a main package", name)
			}
		}
		return err
	}
	// The root changes with each run of the tests, which write into build: its entries would be an input of this
	// package's tests, and no result of them be kept.
	var err error
	for _, dir := range []string{"constructs", "examples", "local", "scripts"} {
		err = errors.Join(err, filepath.WalkDir(dir, look))
	}
	if err != nil || packages < 20 {
		t.Fatalf("%d packages, %v", packages, err)
	}
}

// awsClient knows the AWS SDK, and nothing of the stack.
const awsClient = "payment-webhooks/handlers/awsclient"

// client reports whether a package below local uses a running stack, as users do,
// rather than emulating it: it knows the stack's names.
func client(name string) bool {
	switch strings.TrimPrefix(name, "payment-webhooks/local/") {
	case "session", "demo", "pictures", "e2e", "campaign", "chaos", "removals", "grants":
		return true
	}
	return false
}
