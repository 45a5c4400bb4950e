package emulator

import (
	"os"
	"path/filepath"
	"testing"
)

func TestParseSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for name, c := range map[string]struct{ flag, content, name, value string }{
		"text":                   {"payments/stripe=whsec_1", "", "payments/stripe", "whsec_1"},
		"text with equals signs": {"a=b==", "", "a", "b=="},
		"file":                   {"a=@" + file, "key\n", "a", "key"},
		"file from Windows":      {"a=@" + file, "key\r\n", "a", "key"},
		"only one line break":    {"a=@" + file, "key\n\n", "a", "key\n"},
	} {
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ParseSecret(c.flag)
		if err != nil || got != (Secret{c.name, c.value}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if err := os.WriteFile(file, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"", "a", "=b", "a=", "a=@" + file, "a=@/absent"} {
		if got, err := ParseSecret(flag); err == nil {
			t.Errorf("%q is parsed as %+v", flag, got)
		}
	}
}
