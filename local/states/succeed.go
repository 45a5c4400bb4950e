package states

import (
	"context"
	"encoding/json"
)

const succeedFields = "InputPath OutputPath"

// succeed is a Succeed state: it ends its machine or branch.
type succeed struct{}

func readSucceed(*loader, *state, json.RawMessage) work { return succeed{} }

func (succeed) do(_ context.Context, _ *execution, _ *state, input, _ any) (any, string, *Failure) {
	return input, "", nil
}
