package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// apply makes the edits in an assembly.
func apply(dir string, edits []edit) error {
	for _, e := range edits {
		files, err := e.files(dir)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := e.in(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// files returns the files of the assembly that the edit is for.
func (e edit) files(dir string) ([]string, error) {
	pattern := filepath.Join(dir, "asset.*", filepath.FromSlash(e.file))
	if e.file == template {
		pattern = filepath.Join(dir, "*.template.json")
	}
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("the assembly has no %s", e.file)
	}
	return found, err
}

// in edits one file.
func (e edit) in(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if e.file == template {
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		text = compact.Bytes()
	}
	switch n := strings.Count(string(text), e.old); {
	case e.old == e.new:
		return errors.New("an edit changes nothing")
	case n != max(1, e.times):
		return fmt.Errorf("%s has the text to be replaced %d times, want %d:\n%s", e.file, n, max(1, e.times), e.old)
	}
	return os.WriteFile(file, []byte(strings.ReplaceAll(string(text), e.old, e.new)), 0o644)
}

// copied returns a copy of an assembly in a new directory, with an empty directory for
// the handlers that are built from it: those of the original are kept by its hashes,
// which the copy has as well.
func copied(from string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "payment-webhooks-removal-"); err != nil {
		return "", err
	}
	if err := os.CopyFS(filepath.Join(dir, "cdk.out"), os.DirFS(from)); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, os.Mkdir(filepath.Join(dir, "build"), 0o755)
}

// unchanged copies the built handlers whose source the edits do not touch.
func unchanged(from, to string, edits []edit, assembly string) error {
	touched := map[string]bool{}
	for _, e := range edits {
		if e.file == template {
			continue
		}
		files, err := e.files(assembly)
		if err != nil {
			return err
		}
		for _, file := range files {
			below, err := filepath.Rel(assembly, file)
			if err != nil {
				return err
			}
			asset, _, _ := strings.Cut(filepath.ToSlash(below), "/")
			touched[strings.TrimPrefix(asset, "asset.")] = true
		}
	}
	built, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range built {
		binary := filepath.Join(from, entry.Name(), "bootstrap")
		if _, err := os.Stat(binary); err != nil || touched[entry.Name()] {
			continue
		}
		if err := os.Mkdir(filepath.Join(to, entry.Name()), 0o755); err != nil {
			return err
		}
		if err := os.Link(binary, filepath.Join(to, entry.Name(), "bootstrap")); err != nil {
			return err
		}
	}
	return nil
}
