package iam

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Context holds the values of a request's condition keys, by name in lower case. A key
// without values is absent.
type Context map[string][]string

func (c Context) set(key string, values ...string) { c[strings.ToLower(key)] = values }

// knownKeys are the condition keys whose values, or absence, are known for every call that
// is checked. Any other key is rejected.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
var knownKeys = []string{
	"aws:currenttime", "aws:epochtime", "aws:principalaccount", "aws:principalarn", "aws:principalisawsservice",
	"aws:principalservicename", "aws:principaltype", "aws:requestedregion", "aws:resourceaccount", "aws:securetransport",
	"aws:sourceaccount", "aws:sourcearn", "aws:viaawsservice",
	"kms:calleraccount", "kms:encryptioncontextkeys", "kms:grantisforawsresource", "kms:viaservice",
	"s3:authtype", "s3:delimiter", "s3:max-keys", "s3:prefix", "s3:resourceaccount", "s3:signatureversion", "s3:tlsversion", "s3:versionid",
	"s3:x-amz-acl", "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-storage-class",
	"cloudwatch:namespace",
}

const encryptionContextKey = "kms:encryptioncontext:" // followed by a key of the encryption context

// Nothing here calls IAM, so what its conditions compare is never asked for.
func known(key string) bool {
	return slices.Contains(knownKeys, key) || strings.HasPrefix(key, "iam:") || strings.HasPrefix(key, encryptionContextKey) && key != encryptionContextKey
}

// comparison compares a value of the request with one of the policy.
type comparison struct {
	negated bool // none of the policy's values may match
	check   func(want string) error
	match   func(want, actual string) bool
}

// comparisons are the condition operators without their suffix IfExists and prefix, Null
// excepted.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
var comparisons = map[string]comparison{
	"StringEquals":              {match: func(w, a string) bool { return w == a }},
	"StringNotEquals":           {match: func(w, a string) bool { return w == a }, negated: true},
	"StringEqualsIgnoreCase":    {match: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {match: strings.EqualFold, negated: true},
	"StringLike":                {match: wildcard},
	"StringNotLike":             {match: wildcard, negated: true},
	"Bool":                      {match: strings.EqualFold, check: checkBool},
	// ArnEquals and ArnLike behave identically, wildcards included.
	"ArnEquals":    {match: likeARN},
	"ArnLike":      {match: likeARN},
	"ArnNotEquals": {match: likeARN, negated: true},
	"ArnNotLike":   {match: likeARN, negated: true},

	"NumericEquals":            numeric(false, func(w, a float64) bool { return a == w }),
	"NumericNotEquals":         numeric(true, func(w, a float64) bool { return a == w }),
	"NumericLessThan":          numeric(false, func(w, a float64) bool { return a < w }),
	"NumericLessThanEquals":    numeric(false, func(w, a float64) bool { return a <= w }),
	"NumericGreaterThan":       numeric(false, func(w, a float64) bool { return a > w }),
	"NumericGreaterThanEquals": numeric(false, func(w, a float64) bool { return a >= w }),

	"DateEquals":            date(false, func(w, a time.Time) bool { return a.Equal(w) }),
	"DateNotEquals":         date(true, func(w, a time.Time) bool { return a.Equal(w) }),
	"DateLessThan":          date(false, func(w, a time.Time) bool { return a.Before(w) }),
	"DateLessThanEquals":    date(false, func(w, a time.Time) bool { return !a.After(w) }),
	"DateGreaterThan":       date(false, func(w, a time.Time) bool { return a.After(w) }),
	"DateGreaterThanEquals": date(false, func(w, a time.Time) bool { return !a.Before(w) }),

	"IpAddress":    {match: inPrefix, check: checkPrefix},
	"NotIpAddress": {match: inPrefix, check: checkPrefix, negated: true},
}

func checkBool(want string) error {
	if want != "true" && want != "false" {
		return fmt.Errorf("%q is neither true nor false", want)
	}
	return nil
}

func numeric(negated bool, compare func(want, actual float64) bool) comparison {
	check := func(want string) error { _, err := strconv.ParseFloat(want, 64); return err }
	return comparison{negated, check, func(want, actual string) bool {
		w, errWant := strconv.ParseFloat(want, 64)
		a, errActual := strconv.ParseFloat(actual, 64)
		return errWant == nil && errActual == nil && compare(w, a)
	}}
}

// parseDate parses a date in one of W3C's forms of ISO 8601, or seconds since 1970.
func parseDate(text string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) > 4 {
		return time.Unix(seconds, 0), nil
	}
	var err error
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		var at time.Time
		if at, err = time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, err
}

func date(negated bool, compare func(want, actual time.Time) bool) comparison {
	check := func(want string) error { _, err := parseDate(want); return err }
	return comparison{negated, check, func(want, actual string) bool {
		w, errWant := parseDate(want)
		a, errActual := parseDate(actual)
		return errWant == nil && errActual == nil && compare(w, a)
	}}
}

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		return netip.PrefixFrom(address, address.BitLen()), err
	}
	return netip.ParsePrefix(text)
}

func checkPrefix(want string) error { _, err := parsePrefix(want); return err }

func inPrefix(want, actual string) bool {
	prefix, errWant := parsePrefix(want)
	address, errActual := netip.ParseAddr(actual)
	return errWant == nil && errActual == nil && prefix.Contains(address)
}

// condition is one operator with one key.
type condition struct {
	key      string // in lower case
	values   []string
	null     bool // the operator Null
	set      string
	ifExists bool
	comparison
}

// Set operators.
const (
	forAllValues = "ForAllValues:"
	forAnyValue  = "ForAnyValue:"
)

// parseCondition reads one operator with one key. The error says what is not supported.
func parseCondition(operator, key string, values []string) (condition, error) {
	unsupported := func(why string) (condition, error) {
		return condition{}, fmt.Errorf("condition %s on %s is not supported: %s", operator, key, why)
	}
	c := condition{key: strings.ToLower(key), values: values}
	name := operator
	for _, set := range []string{forAllValues, forAnyValue} {
		if rest, found := strings.CutPrefix(name, set); found {
			name, c.set = rest, set
		}
	}
	if name != "NullIfExists" { // which does not exist
		name, c.ifExists = strings.CutSuffix(name, "IfExists")
	}
	if !known(c.key) {
		return unsupported("the value of this key is not known here")
	}
	if len(values) == 0 {
		return unsupported("it has no values")
	}
	for _, value := range values {
		if strings.Contains(value, "${") {
			return unsupported("policy variables are not replaced")
		}
	}
	if name == "Null" && c.set == "" {
		c.null = true
		for _, value := range values {
			if err := checkBool(value); err != nil {
				return unsupported(err.Error())
			}
		}
		return c, nil
	}
	var exists bool
	if c.comparison, exists = comparisons[name]; !exists {
		return unsupported("no such operator here")
	}
	for _, value := range values {
		if c.check != nil {
			if err := c.check(value); err != nil {
				return unsupported(err.Error())
			}
		}
	}
	return c, nil
}

// holds reports whether the condition is met. The policy's values are alternatives, for
// a negated operator none of them may match.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
func (c condition) holds(context Context) bool {
	actual := context[c.key]
	if c.null {
		return slices.Contains(c.values, strconv.FormatBool(len(actual) == 0))
	}
	meets := func(value string) bool {
		return slices.ContainsFunc(c.values, func(want string) bool { return c.match(want, value) }) != c.negated
	}
	fails := func(value string) bool { return !meets(value) }
	switch {
	case len(actual) == 0 && c.set == forAllValues:
		return true
	case len(actual) == 0 && c.set == forAnyValue:
		return c.ifExists
	case len(actual) == 0:
		return c.ifExists || c.negated
	case c.set == forAnyValue:
		return slices.ContainsFunc(actual, meets)
	default: // ForAllValues, or a key with one value
		return !slices.ContainsFunc(actual, fails)
	}
}

// likeARN matches ARNs: wildcards match within each of the six parts between colons.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
func likeARN(pattern, text string) bool {
	const parts = 6
	if !strings.HasPrefix(pattern, "arn:") { // "*"
		return wildcard(pattern, text)
	}
	want, actual := strings.SplitN(pattern, ":", parts), strings.SplitN(text, ":", parts)
	if len(want) != parts || len(actual) != parts {
		return pattern == text
	}
	for i := range parts {
		if !wildcard(want[i], actual[i]) {
			return false
		}
	}
	return true
}

// wildcard matches * (any run of characters, also across ':' and '/') and ?
// (any one character).
func wildcard(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
