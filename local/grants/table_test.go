package grants

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	results := []Result{
		{Grant: "a", Outcome: Noticed, By: "TestTool", Seconds: 90},
		{Grant: "b", Outcome: Noticed, By: ByExercise, Seconds: 20},
		{Grant: "c", Outcome: Unnoticed, By: ByExercise, Seconds: 50},
		{Grant: "d", Outcome: Undecided, By: "TestTool", Seconds: 90},
		{Grant: "e", Outcome: Explained, By: ByExercise},
	}
	want := `| tried by | grants | noticed | unnoticed | undecided | minutes |
|---|---|---|---|---|---|
| TestTool | 2 | 1 | 0 | 1 | 3 |
| an exercise | 2 | 1 | 1 | 0 | 1 |
| nothing: explained, and out all the time | 1 | - | - | - | - |
| all | 5 | 2 | 1 | 1 | 4 |
`
	if diff := cmp.Diff(want, Table(results)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := Failed(results); n != 2 {
		t.Errorf("%d failed, want the unnoticed and the undecided one", n)
	}
}
