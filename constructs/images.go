package constructs

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"golang.org/x/mod/modfile"
)

// ImageCode yields the image of a handler, named as in handlers/contract.
type ImageCode func(handler string) awslambda.DockerImageCode

// imagesFrom builds every image from the Dockerfile in root, the directory of the
// handlers' module. The handler is a build argument. The context of an image holds
// the packages that its handler imports and no others, so that an edit redeploys
// exactly the functions that it can change. go.mod and go.sum are in every
// context: a dependency's version changes all images. It panics when a package
// cannot be read.
func imagesFrom(root string) ImageCode {
	return func(handler string) awslambda.DockerImageCode {
		excluded, err := unusedPackages(root, handler)
		if err != nil {
			panic(fmt.Sprintf("image of %s: %v", handler, err))
		}
		return awslambda.DockerImageCode_FromImageAsset(jsii.String(root), &awslambda.AssetImageCodeProps{
			BuildArgs:   &map[string]*string{"HANDLER": jsii.String(handler)},
			Exclude:     jsii.Strings(excluded...), // beside .dockerignore
			Platform:    awsecrassets.Platform_LINUX_ARM64(),
			DisplayName: jsii.String(handler),
		})
	}
}

// unusedPackages returns .dockerignore patterns for the packages of the module in
// root that a handler does not import, directly or through others.
func unusedPackages(root, handler string) ([]string, error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	if err := addImports(used, root, modfile.ModulePath(mod), handler); err != nil {
		return nil, err
	}
	var patterns []string
	err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || file == root {
			return err
		}
		dir, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		switch {
		case used[dir]:
		case slices.ContainsFunc(slices.Collect(maps.Keys(used)), func(other string) bool { return strings.HasPrefix(other, dir+"/") }):
			patterns = append(patterns, dir+"/*.go") // a package below it is used
		default:
			patterns = append(patterns, dir)
			return fs.SkipDir
		}
		return nil
	})
	return patterns, err
}

// addImports adds a package of the module, by its directory below root, and all
// packages of the module that it imports where the images run.
func addImports(used map[string]bool, root, module, dir string) error {
	if used[dir] {
		return nil
	}
	used[dir] = true
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "linux", "arm64", false
	pkg, err := context.ImportDir(filepath.Join(root, filepath.FromSlash(dir)), 0)
	if _, none := errors.AsType[*build.NoGoError](err); err != nil && !none {
		return err
	}
	for _, imported := range pkg.Imports {
		if below, ok := strings.CutPrefix(imported, module+"/"); ok {
			if err := addImports(used, root, module, path.Clean(below)); err != nil {
				return err
			}
		}
	}
	return nil
}
