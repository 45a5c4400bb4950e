// Package archiving is what operators need of the archive: which hours it has, and whether
// it is what the table holds. The operators' tool uses it; package archive writes the
// archive.
package archiving
