// Package e2e tests the local run of the synthesized stack end to end: it sends
// deliveries as a provider would and checks their effects as an operator would.
//
// CDK_OUT names the directory of the assembly, by default cdk.out in the repository's
// root. It must be synthesized as scripts/test does: with an email and a phone
// subscription, and with every provider configured, its secret named
// payments/<provider>, except canonical, so that /webhook accepts unsigned requests.
//
// A run of the whole suite ends with a review of the template's grants: each is used, or explained in package
// grants. E2E_GRANTS names a file that receives the uses of each grant, also of a part of the suite.
// E2E_REMOVE_GRANT names a grant that every local run shall lack, for scripts/test grants.
//
// E2E_SLOW=1 makes the browser, and what it asks for, slow by different times: a page that is right only when
// responses come at once and in order fails then.
package e2e
