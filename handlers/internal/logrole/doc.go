// Package logrole makes sure that API Gateway has a role with which it can write logs. An account
// has one such setting per region, which all its APIs use, so a role that works is never replaced:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
//
// The function api-gateway-account calls it when a stack is created or updated. The role that it
// creates is the account's, not the stack's: it has the same name whichever stack creates it, and
// stays when the stack is deleted, because other APIs may use it. Deployments side by side may
// call it at the same time; each of its steps can be repeated.
package logrole
