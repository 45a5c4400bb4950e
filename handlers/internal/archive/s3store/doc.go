// Package s3store keeps the archive's objects in the audit bucket on Amazon S3.
package s3store
