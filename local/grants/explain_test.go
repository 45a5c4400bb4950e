package grants

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/iam"
)

func TestReview(t *testing.T) {
	grant := func(uses int64, action string) iam.Grant {
		return iam.Grant{ID: "Policy1.0." + action, Policy: "Policy1", Principal: "role", Action: action, Resource: "arn:aws:s3:::b/a/*", Uses: uses}
	}
	cases := map[string]struct {
		grants []iam.Grant
		want   []string // the start and a part of each problem
	}{
		"used, or explained":               {[]iam.Grant{grant(3, "s3:PutObject"), grant(0, "s3:AbortMultipartUpload")}, nil},
		"neither used nor explained":       {[]iam.Grant{grant(0, "s3:PutObject"), grant(0, "s3:AbortMultipartUpload")}, []string{"Policy1.0.s3:PutObject: no call used it"}},
		"used and explained":               {[]iam.Grant{grant(2, "s3:AbortMultipartUpload")}, []string{"Policy1.0.s3:AbortMultipartUpload: 2 calls used it"}},
		"explained, but not in the policy": {[]iam.Grant{grant(1, "s3:PutObject")}, []string{"the explanation of s3:Abort*: is for no grant"}},
	}
	for name, c := range cases {
		t.Run("when a grant is "+name, func(t *testing.T) {
			got := Review(c.grants, []Explanation{{Policy: "Policy?.0", Action: "s3:Abort*", Resource: "*:b/a/?", Reason: "r"}})
			if len(got) != len(c.want) {
				t.Fatalf("problems %q, want %q", got, c.want)
			}
			for i, want := range c.want {
				start, part, _ := strings.Cut(want, ": ")
				if !strings.HasPrefix(got[i], start) || !strings.Contains(got[i], part) {
					t.Errorf("problem %q, want %q", got[i], want)
				}
			}
		})
	}
	t.Run("when the exercise uses an explained grant, it is not taken out for good", func(t *testing.T) {
		list := []Explanation{{Policy: "Policy1", Action: "s3:*", Reason: "r", Exercised: true}, {Policy: "Policy2", Action: "s3:*", Reason: "r"}}
		if diff := cmp.Diff(list[1:], unexercised(list)); diff != "" || len(list) != 2 {
			t.Errorf("%d explanations are left of the list (-want +got)\n%s", len(list), diff)
		}
	})
	t.Run("when runs are merged, their uses add up", func(t *testing.T) {
		all := []iam.Grant{grant(1, "s3:PutObject"), grant(0, "s3:GetObject")}
		Merge(all, []iam.Grant{grant(2, "s3:GetObject"), grant(5, "s3:Other")})
		if diff := cmp.Diff([]iam.Grant{grant(1, "s3:PutObject"), grant(2, "s3:GetObject")}, all); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
