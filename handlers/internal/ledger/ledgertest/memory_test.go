package ledgertest_test

import (
	"errors"
	"testing"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
)

func TestMemory(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledger.Ledger {
		return ledgertest.NewMemory(time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC))
	})
}

func TestMemoryBindings(t *testing.T) {
	ledgertest.RunBindings(t, func(*testing.T) ledger.Bindings { return ledgertest.NewMemory(time.Now()) })
}

func TestMemoryFailsOnDemand(t *testing.T) {
	l := ledgertest.NewMemory(time.Now())
	cause := errors.New("cable cut")
	l.Fail(cause)
	if _, err := l.Store(t.Context(), ledgertest.Transaction("txn")); !errors.Is(err, ledger.ErrUnavailable) || !errors.Is(err, cause) {
		t.Errorf("Store: %v, want ErrUnavailable because of the cause", err)
	}
	l.Fail(nil)
	if _, err := l.Store(t.Context(), ledgertest.Transaction("txn")); err != nil {
		t.Errorf("Store after Fail(nil): %v", err)
	}
}

// Shard must not change: stored items contain their shard, and the archiver would not
// find them.
func TestShardsAreStableAndAllInUse(t *testing.T) {
	if got := ledger.HourShard(time.Date(2026, time.November, 23, 0, 30, 0, 0, time.FixedZone("", 3600)), 3); got != "2026-11-22T23#3" {
		t.Errorf("HourShard = %s", got)
	}
	if got := ledger.Shard("txn_123456"); got != 1 {
		t.Errorf("Shard(txn_123456) = %d", got)
	}
	seen := map[int]bool{}
	for i := range 1000 {
		shard := ledger.Shard(time.Duration(i).String())
		if shard < 0 || shard >= contract.HourShards {
			t.Fatalf("shard %d", shard)
		}
		seen[shard] = true
	}
	if len(seen) != contract.HourShards {
		t.Errorf("%d shards in use, want %d", len(seen), contract.HourShards)
	}
}
