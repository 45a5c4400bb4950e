// Package compliance has the reasons for what the rules of cdk-nag find in this stack and what
// is not changed. Tests compare it with the findings, by default and with production: true:
// they fail on a finding without a reason, and on a reason without a finding. Nothing of it is
// in the template. docs/compliance.md is written from it and from the reports of the packs.
//
// The package knows nothing of the CDK.
package compliance
