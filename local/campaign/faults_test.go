package campaign

import "testing"

func TestEpisodes(t *testing.T) {
	t.Run("every fault comes in a small campaign", func(t *testing.T) {
		list, err := chosen("all")
		if err != nil {
			t.Fatal(err)
		}
		list = whileSending(list)
		const blocks = 900 / block // attempts of 500 entries
		found := map[string]bool{}
		for n := range int64(blocks) {
			for _, e := range episodes(1, list, n) {
				found[e.fault.Name] = true
			}
		}
		if want := min(len(list), blocks*perBlock); len(found) != want {
			t.Errorf("%d of %d faults, want %d", len(found), len(list), want)
		}
	})
	t.Run("what waits for quiet excludes what prevents it", func(t *testing.T) {
		for _, name := range []string{"relay-outage", "mapping-disabled", "rule-disabled", "group-deleted"} {
			list, err := chosen(name)
			if err != nil || len(list) != 1 || !list[0].excludes() {
				t.Errorf("%s: %v, %v", name, list, err)
			}
		}
	})
	t.Run("an unknown name is an error", func(t *testing.T) {
		if _, err := chosen("store,nothing"); err == nil {
			t.Error("no error")
		}
	})
}
