package campaign

import "testing"

func TestEpisodes(t *testing.T) {
	t.Run("every fault comes in the campaigns of scripts/test", func(t *testing.T) {
		list, err := chosen("all")
		if err != nil {
			t.Fatal(err)
		}
		list = whileSending(list)
		const blocks = 450 / block // attempts of 250 entries
		found := map[string]bool{}
		for seed := range uint64(3) {
			for n := range int64(blocks) {
				for _, e := range episodes(seed+1, list, n) {
					found[e.fault.Name] = true
				}
			}
		}
		if len(found) != len(list) {
			t.Errorf("%d of %d faults", len(found), len(list))
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
