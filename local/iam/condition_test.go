package iam

import (
	"strings"
	"testing"
)

func TestConditions(t *testing.T) {
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
	const key = "aws:PrincipalArn"
	t.Run("hold as their operators say", func(t *testing.T) {
		cases := []struct {
			operator string
			values   []string
			actual   []string
			want     bool
		}{
			{"StringEquals", []string{"a", "b"}, []string{"b"}, true},
			{"StringEquals", []string{"a", "b"}, []string{"B"}, false},
			{"StringEquals", []string{"a*"}, []string{"ab"}, false},
			{"StringEquals", []string{"a"}, nil, false},
			{"StringNotEquals", []string{"a", "b"}, []string{"b"}, false},
			{"StringNotEquals", []string{"a", "b"}, []string{"c"}, true},
			{"StringNotEquals", []string{"a"}, nil, true},
			{"StringEqualsIgnoreCase", []string{"a"}, []string{"A"}, true},
			{"StringNotEqualsIgnoreCase", []string{"a"}, []string{"A"}, false},
			{"StringLike", []string{"a?c*"}, []string{"abcde"}, true},
			{"StringNotLike", []string{"a*"}, []string{"b"}, true},
			{"StringNotLike", []string{"a*", "b"}, []string{"ab"}, false},
			{"ArnEquals", []string{"arn:aws:sns:*:1:t"}, []string{"arn:aws:sns:r:1:t"}, true},
			{"ArnLike", []string{"arn:aws:*:1:t"}, []string{"arn:aws:sns:r:1:t"}, false}, // a wildcard stays within its part
			{"ArnNotLike", []string{"arn:aws:sns:*:1:t"}, []string{"arn:aws:sns:r:1:t"}, false},
			{"ArnNotEquals", []string{"arn:aws:sns:r:1:t"}, []string{"arn:aws:sns:r:1:u"}, true},
			{"Bool", []string{"true"}, []string{"true"}, true},
			{"Bool", []string{"true"}, []string{"false"}, false},
			{"Bool", []string{"false"}, nil, false},
			{"BoolIfExists", []string{"false"}, nil, true},
			{"BoolIfExists", []string{"false"}, []string{"true"}, false},
			{"Null", []string{"true"}, nil, true},
			{"Null", []string{"true"}, []string{"x"}, false},
			{"Null", []string{"false"}, nil, false},
			{"Null", []string{"false"}, []string{"x"}, true},
			{"NumericLessThan", []string{"10"}, []string{"9.5"}, true},
			{"NumericLessThanEquals", []string{"10"}, []string{"10.0"}, true},
			{"NumericGreaterThan", []string{"10"}, []string{"9"}, false},
			{"NumericGreaterThanEquals", []string{"9"}, []string{"9"}, true},
			{"NumericEquals", []string{"1", "2"}, []string{"2.0"}, true},
			{"NumericNotEquals", []string{"1", "2"}, []string{"2"}, false},
			{"NumericEquals", []string{"1"}, []string{"x"}, false},
			{"DateLessThan", []string{"2026-01-01T00:00:00Z"}, []string{"2025-12-31T23:59:59Z"}, true},
			{"DateLessThanEquals", []string{"2026-01-01"}, []string{"2026-01-01T00:00:00Z"}, true},
			{"DateGreaterThan", []string{"2026"}, []string{"2025-12-31T23:59:59Z"}, false},
			{"DateGreaterThanEquals", []string{"1767225600"}, []string{"2026-01-01T00:00:00Z"}, true},
			{"DateEquals", []string{"2026-01-01T00:00:00Z"}, []string{"1767225600"}, true},
			{"DateNotEquals", []string{"2026-01-01T00:00:00Z"}, []string{"1767225600"}, false},
			{"IpAddress", []string{"10.0.0.0/8"}, []string{"10.1.2.3"}, true},
			{"NotIpAddress", []string{"10.1.2.3"}, []string{"10.1.2.3"}, false},
			{"StringEqualsIfExists", []string{"a"}, nil, true},
			{"StringEqualsIfExists", []string{"a"}, []string{"b"}, false},
			{"ForAnyValue:StringEquals", []string{"a", "b"}, []string{"x", "b"}, true},
			{"ForAnyValue:StringEquals", []string{"a"}, []string{"x"}, false},
			{"ForAnyValue:StringEquals", []string{"a"}, nil, false},
			{"ForAnyValue:StringNotEquals", []string{"a"}, []string{"a", "b"}, true},
			{"ForAnyValue:StringNotEquals", []string{"a"}, nil, false},
			{"ForAllValues:StringEquals", []string{"a", "b"}, []string{"a", "b", "a"}, true},
			{"ForAllValues:StringEquals", []string{"a"}, []string{"a", "b"}, false},
			{"ForAllValues:StringEquals", []string{"a"}, nil, true},
			{"ForAllValues:StringNotLike", []string{"a*"}, []string{"b", "ab"}, false},
		}
		for _, c := range cases {
			condition, err := parseCondition(c.operator, key, c.values)
			if err != nil {
				t.Fatal(err)
			}
			context := Context{}
			context.set(key, c.actual...)
			if got := condition.holds(context); got != c.want {
				t.Errorf("%s %v of %v: %v, want %v", c.operator, c.values, c.actual, got, c.want)
			}
		}
	})
	t.Run("ignore the case of keys", func(t *testing.T) {
		condition, err := parseCondition("StringEquals", "AWS:sourcearn", []string{"x"})
		if err != nil {
			t.Fatal(err)
		}
		context := Context{}
		context.set("aws:SourceArn", "x")
		if !condition.holds(context) {
			t.Error("the condition does not hold")
		}
	})
	t.Run("that cannot be evaluated are rejected", func(t *testing.T) {
		for _, c := range []struct{ operator, key, value, why string }{
			{"StringEquals", "aws:PrincipalTag/team", "x", "not known"},
			{"StringEquals", "kms:EncryptionContext:", "x", "not known"},
			{"IpAddress", "aws:SourceIp", "10.0.0.0/8", "not known"},
			{"StringEquals", key, "${aws:username}", "policy variables"},
			{"BinaryEquals", key, "QQ==", "no such operator"},
			{"stringequals", key, "x", "no such operator"},
			{"NullIfExists", key, "true", "no such operator"},
			{"ForAllValues:Null", key, "true", "no such operator"},
			{"Bool", key, "yes", "neither true nor false"},
			{"Null", key, "yes", "neither true nor false"},
			{"NumericEquals", key, "ten", "invalid syntax"},
			{"DateEquals", key, "tomorrow", "cannot parse"},
			{"IpAddress", key, "host", "unable to parse"},
		} {
			_, err := parseCondition(c.operator, c.key, []string{c.value})
			if err == nil || !strings.Contains(err.Error(), c.why) || !strings.Contains(err.Error(), c.operator+" on "+c.key) {
				t.Errorf("%s on %s: error %v, want one about %s", c.operator, c.key, err, c.why)
			}
		}
	})
}
