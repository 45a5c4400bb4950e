package sendview

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Bounds of a request. scripts/send has larger ones.
const (
	MaxRepeat = 10_000
	MaxRate   = 200 // deliveries a second
	maxID     = 200 // bytes
)

// Request is what to send.
type Request struct {
	Provider string `json:"provider"`
	Fixture  string `json:"fixture"`
	// ID is given to the payload's object; {n} stands for the delivery's number. Empty: the fixture's own.
	ID     string  `json:"id"`
	Tamper bool    `json:"tamper"` // change the amount after signing
	Skew   string  `json:"skew"`   // how far the signing clock is ahead, as time.ParseDuration reads it; empty: not
	Repeat int     `json:"repeat"` // 1 to MaxRepeat; 0 means 1
	Rate   float64 `json:"rate"`   // deliveries a second, up to MaxRate; 0: one after another
}

// arguments returns the flags of scripts/send for a request, to an API at url. The error has everything
// that is wrong.
func (r Request) arguments(p Provider, url, egressDir string) ([]string, error) {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	args := []string{"--provider", p.Name, "--fixture", r.Fixture, "--url", url}
	if !slices.Contains(p.Fixtures, r.Fixture) {
		wrong("%s has no payload %q", p.Name, r.Fixture)
	}
	if len(r.ID) > maxID || strings.ContainsFunc(r.ID, func(c rune) bool { return !unicode.IsPrint(c) }) {
		wrong("the id has more than %d bytes, or characters that do not print", maxID)
	}
	if r.ID != "" {
		args = append(args, "--id", r.ID)
	}
	if r.Tamper {
		args = append(args, "--tamper")
	}
	if r.Skew != "" {
		skew, err := time.ParseDuration(r.Skew)
		switch {
		case err != nil:
			wrong("%q is no duration such as -10m, 90s or 24h", r.Skew)
		case !p.SignsTime:
			wrong("%s signs no time, so a delivery of it is never late", p.Name)
		case skew != 0:
			args = append(args, "--skew", r.Skew)
		}
	}
	if r.Repeat < 0 || r.Repeat > MaxRepeat {
		wrong("it is sent 1 to %d times, not %d", MaxRepeat, r.Repeat)
	}
	if r.Repeat > 1 {
		args = append(args, "--repeat", strconv.Itoa(r.Repeat))
	}
	if !(r.Rate >= 0 && r.Rate <= MaxRate) {
		wrong("the rate is up to %d a second, not %v", MaxRate, r.Rate)
	}
	if r.Rate > 0 && r.Repeat > 1 {
		args = append(args, "--rate", strconv.FormatFloat(r.Rate, 'f', -1, 64)+"/s")
	}
	if p.Certificate {
		args = append(args, "--egress", egressDir)
	}
	if p.notificationURL != "" && p.SignsURL {
		args = append(args, "--notification-url", p.notificationURL)
	}
	return args, errors.Join(problems...)
}

// Shell is what a command line in the user's shell needs to reach the local run.
type Shell struct{ EndpointURL, Region, AccessKey string }

// line returns the command line that does in the user's shell what the view does. The secret is
// read by the AWS CLI, or made up where nothing verifies it.
func (s Shell) line(p Provider, args []string) string {
	secret := `WEBHOOK_SECRET="whsec_$(openssl rand -base64 32)"`
	if p.SecretName != "" {
		secret = fmt.Sprintf("export AWS_ENDPOINT_URL=%s AWS_DEFAULT_REGION=%s AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=local\n"+
			`WEBHOOK_SECRET="$(aws secretsmanager get-secret-value --secret-id %s --query SecretString --output text)"`,
			quote(s.EndpointURL), quote(s.Region), quote(s.AccessKey), quote(p.SecretName))
	}
	words := []string{"scripts/send"}
	for _, word := range args {
		words = append(words, quote(word))
	}
	return secret + " \\\n  " + strings.Join(words, " ")
}

// quote writes a word for a POSIX shell.
func quote(word string) string {
	plain := func(c rune) bool {
		return c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c)) || strings.ContainsRune("-_./:=@,+%", c)
	}
	if word != "" && !strings.ContainsFunc(word, func(c rune) bool { return !plain(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
