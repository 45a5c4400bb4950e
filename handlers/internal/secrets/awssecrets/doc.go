// Package awssecrets reads signing secrets from AWS Secrets Manager: a
// secret's SecretString, as text, in the versions labelled AWSCURRENT and
// AWSPREVIOUS.
package awssecrets
