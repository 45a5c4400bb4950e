package constructs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// simulated is an account, and what the function of the custom resource made of it: see
// testdata/account.js.
type simulated struct {
	Request       string   `json:"request,omitempty"`
	Role          string   `json:"role,omitempty"` // that is set
	Roles         []string `json:"roles"`
	UpdateErrors  []string `json:"updateErrors,omitempty"`  // of the first calls of UpdateAccount
	RoleAfterWait string   `json:"roleAfterWait,omitempty"` // that another deployment set meanwhile
}

type outcome struct {
	Role  string
	Calls []string
	Waits int
	Error string
}

func deploy(t *testing.T, account simulated) outcome {
	t.Helper()
	input, err := json.Marshal(account)
	if err != nil {
		t.Fatal(err)
	}
	node := "node"
	if pinned, err := filepath.Abs("../node_modules/.bin/node"); err == nil {
		if _, err := os.Stat(pinned); err == nil {
			node = pinned
		}
	}
	command := exec.Command(node, "testdata/account.js")
	command.Stdin = strings.NewReader(string(input))
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	var got outcome
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return got
}

func TestSharedAccountRole(t *testing.T) {
	const shared = "arn:aws:iam::1:role/shared"
	complete := []string{"attach policy to shared", "shared: Deny logs:CreateLogGroup on groups", "replace /cloudwatchRoleArn"}
	created := slices.Insert(slices.Clone(complete), 0, "create shared for apigateway.amazonaws.com")
	for name, c := range map[string]struct {
		account simulated
		want    outcome
	}{
		"when the account is fresh, it is created and set": {
			simulated{}, outcome{Role: shared, Calls: created},
		},
		"when a neighbour has set a role, it is kept": {
			simulated{Role: "arn:aws:iam::1:role/service/theirs", Roles: []string{"theirs"}},
			outcome{Role: "arn:aws:iam::1:role/service/theirs", Calls: []string{}},
		},
		"when another stack of this kind has set it, it is kept": {
			simulated{Role: shared, Roles: []string{"shared"}}, outcome{Role: shared, Calls: []string{}},
		},
		"when the role that is set was deleted, it is replaced": {
			simulated{Role: "arn:aws:iam::1:role/gone"}, outcome{Role: shared, Calls: created},
		},
		"when the role leaves with this deployment, it is replaced": {
			simulated{Role: "arn:aws:iam::1:role/TapStackdev-IngestApiCloudWatchRole9E-X", Roles: []string{"TapStackdev-IngestApiCloudWatchRole9E-X"}},
			outcome{Role: shared, Calls: created},
		},
		"when the shared role exists, it is set": {
			simulated{Roles: []string{"shared"}}, outcome{Role: shared, Calls: complete},
		},
		"when API Gateway does not see the new role yet, it waits": {
			simulated{UpdateErrors: []string{"BadRequestException"}},
			outcome{Role: shared, Calls: slices.Concat(created[:3], complete), Waits: 1},
		},
		"when another deployment is first, it waits and keeps what that set": {
			simulated{Roles: []string{"shared"}, UpdateErrors: []string{"TooManyRequestsException"}, RoleAfterWait: shared},
			outcome{Role: shared, Calls: complete[:2], Waits: 1},
		},
		"when it may not, it fails at once": {
			simulated{Roles: []string{"shared"}, UpdateErrors: []string{"AccessDeniedException"}},
			outcome{Calls: complete[:2], Error: "AccessDeniedException"},
		},
		"when it is throttled for minutes, it fails": {
			simulated{Roles: []string{"shared"}, UpdateErrors: slices.Repeat([]string{"TooManyRequestsException"}, 15)},
			outcome{Calls: slices.Repeat(complete[:2], 15), Error: "TooManyRequestsException", Waits: 14},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, request := range []string{"Create", "Update"} {
				c.account.Request = request
				if c.account.Roles == nil {
					c.account.Roles = []string{}
				}
				if diff := cmp.Diff(c.want, deploy(t, c.account)); diff != "" {
					t.Errorf("%s: %s", request, diff)
				}
			}
		})
	}
	t.Run("when the stack is destroyed, the account keeps it", func(t *testing.T) {
		want := outcome{Role: shared, Calls: []string{}}
		if diff := cmp.Diff(want, deploy(t, simulated{Request: "Delete", Role: shared, Roles: []string{"shared"}})); diff != "" {
			t.Error(diff)
		}
	})
}
