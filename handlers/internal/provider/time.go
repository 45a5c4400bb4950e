package provider

import (
	"strconv"
	"strings"
	"time"
)

// ParseUnix reads the Unix seconds of a signature header: digits only, without a
// leading zero, so that a time has one spelling. Twelve digits, the most that
// are accepted, reach beyond the year 30000.
func ParseUnix(text string) (t time.Time, ok bool) {
	if text == "" || len(text) > 12 || text[0] == '0' || strings.Trim(text, "0123456789") != "" {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0), err == nil
}
