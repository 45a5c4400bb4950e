// Package apigateway emulates one Amazon API Gateway REST API with Lambda proxy integrations:
// its resources, methods, stage, throttling, gateway responses and access log, all from the
// template's resolved properties.
//
// The caller collects the properties in a [Template] and calls [New], whose error lists
// everything unsupported by logical id and name. It serves the API on a listener of its own.
// Requests are accepted under /<stage>/.
//
// Emulated as documented: path parameters and greedy paths, the proxy event (payload version
// 1.0) and its response, binary media types, gateway responses with their parameters and
// $context templates, the 10 MB and 29 s limits, the throttling of the stage and of its methods
// as one token bucket per method, the access log's format, X-Ray trace headers.
//
// Different from AWS, on purpose: requestContext.domainName is the Host header with its port, if
// it has one. On AWS the port is always 443 and never part of it. In both cases "https://" +
// domainName + requestContext.path is the address that a client used (here except for the
// scheme), which signatures over the address need.
//
// Not supported: authorizers, API keys and usage plans, models and request validators, mapping
// templates, caching, canaries, custom domains, resource policies, WAF.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
package apigateway
