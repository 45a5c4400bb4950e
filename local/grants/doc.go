// Package grants shows that each permission in the template is needed: the local run counts the
// calls that each grant allows (package iam), and
//
//   - [Review] compares those counts with [Explanations]: every grant is used, or explained;
//   - [Exercise] sends payments through every hop of one run and makes an operator's calls, and [Removal]
//     takes out one grant after the other and expects that the exercise fails.
//
// The end-to-end suite and scripts/test grants use it.
package grants
