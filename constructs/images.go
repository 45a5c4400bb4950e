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
	g := packageGraph{root: root, module: modfile.ModulePath(mod), used: used}
	if err := g.add(handler); err != nil {
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

// packageGraph holds the directories of a module, below its root, that are compiled or
// embedded.
type packageGraph struct {
	root, module string
	used         map[string]bool
}

// add adds a package of the module by its directory, the directories that it
// embeds, and all packages of the module that it imports where the images run. An
// embedded file that .dockerignore leaves out fails when the image is built.
func (g packageGraph) add(dir string) error {
	if g.used[dir] {
		return nil
	}
	g.used[dir] = true
	context := build.Default
	// As handlers/Dockerfile compiles.
	context.GOOS, context.GOARCH, context.CgoEnabled, context.BuildTags = "linux", "arm64", false, []string{"lambda.norpc"}
	pkg, err := context.ImportDir(filepath.Join(g.root, filepath.FromSlash(dir)), 0)
	if _, none := errors.AsType[*build.NoGoError](err); err != nil && !none {
		return err
	}
	for _, pattern := range pkg.EmbedPatterns {
		if err := g.addEmbedded(dir, strings.TrimPrefix(pattern, "all:")); err != nil {
			return err
		}
	}
	for _, imported := range pkg.Imports {
		if below, ok := strings.CutPrefix(imported, g.module+"/"); ok {
			if err := g.add(path.Clean(below)); err != nil {
				return err
			}
		}
	}
	return nil
}

// addEmbedded adds the directories that hold what a package's pattern matches.
func (g packageGraph) addEmbedded(dir, pattern string) error {
	matches, err := fs.Glob(os.DirFS(g.root), path.Join(dir, pattern))
	if err != nil {
		return fmt.Errorf("%s embeds %s: %w", dir, pattern, err)
	}
	for _, match := range matches {
		g.used[path.Dir(match)] = true
		if err := fs.WalkDir(os.DirFS(g.root), match, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				g.used[name] = true
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
