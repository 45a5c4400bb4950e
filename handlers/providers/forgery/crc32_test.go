package forgery_test

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"testing"

	"payment-webhooks/handlers/providers/forgery"
)

func TestSameCRC32(t *testing.T) {
	t.Run("has the genuine body's checksum and its own members", func(t *testing.T) {
		genuine := []byte(`{"id": "WH-1", "amount": 1}`)
		body, err := forgery.SameCRC32([]byte(`{"id": "WH-2", "amount": 2}`), genuine)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			ID     string
			Amount int
		}
		if err := json.Unmarshal(body, &got); err != nil || got.ID != "WH-2" || got.Amount != 2 {
			t.Errorf("%s, %v", body, err)
		}
		if crc32.ChecksumIEEE(body) != crc32.ChecksumIEEE(genuine) {
			t.Errorf("%s has another checksum than %s", body, genuine)
		}
	})
	t.Run("is an error when the body is no object", func(t *testing.T) {
		if _, err := forgery.SameCRC32([]byte(`[1]`), nil); !errors.Is(err, forgery.ErrNoObject) {
			t.Errorf("got %v", err)
		}
	})
}
