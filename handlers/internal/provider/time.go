package provider

import (
	"strconv"
	"strings"
	"time"
)

// ParseUnix reads the Unix seconds of a signature header. It accepts only digits
// without a leading zero, so that each time has one spelling, and at most twelve of
// them, which reach beyond the year 30000.
func ParseUnix(text string) (t time.Time, ok bool) {
	if text == "" || len(text) > 12 || text[0] == '0' || strings.Trim(text, "0123456789") != "" {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0), err == nil
}
