package provider

import "strings"

// minDistinct is how many different characters a secret has at least. A random one of any
// provider has fewer with a probability below 10^-9.
const minDistinct = 6

// placeholders are what people and templates write in place of a secret. A random one of
// 64 letters and digits holds one of them with a probability below 10^-6: all have six
// letters or more.
var placeholders = []string{
	"placeholder", "replace", "changeme", "change_me", "change-me", "testtest",
	"secret", "signature", "webhook",
}

// isPlaceholder reports whether a text stands for a secret that nobody has filled in yet, also
// if it has the form of one: whsec_xxxx…, 64 zeros, REPLACEWITHYOURKEY1. Anyone could
// sign with it.
func isPlaceholder(secret string) bool {
	secret = strings.ToLower(strings.TrimPrefix(secret, "whsec_"))
	var distinct [256]bool
	n := 0
	for i := range len(secret) {
		if c := secret[i]; !distinct[c] {
			distinct[c] = true
			n++
		}
	}
	if n < minDistinct {
		return true
	}
	for _, word := range placeholders {
		if strings.Contains(secret, word) {
			return true
		}
	}
	return false
}
