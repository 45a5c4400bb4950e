package constructs

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Keys in cdk.json's context of what environment variables can set as well.
const (
	ContextSuffix       = "environmentSuffix"
	ContextRegion       = "region"
	ContextTeam         = "team"
	ContextAlertEmail   = "alertEmail"
	ContextAlertPhone   = "alertPhone"
	ContextRepository   = "repository"
	ContextCommitAuthor = "commitAuthor"
	ContextPRNumber     = "prNumber"
)

// ContextEnvironments is the key in cdk.json's context of settings by environment:
//
//	"environments": {"prod": {"region": "eu-central-1", "alertEmail": ["ops@example.com"], "providers": {…}}}
//
// The environment is the one of the suffix. Each setting can be in it, and replaces the one of
// the same key beside "environments", whole.
const ContextEnvironments = "environments"

// variables are the environment variables that override settings of cdk.json.
var variables = map[string]string{
	ContextSuffix:       envSuffix,
	ContextRegion:       envRegion,
	ContextTeam:         envTeam,
	ContextAlertEmail:   envAlertEmail,
	ContextAlertPhone:   envAlertPhone,
	ContextRepository:   envRepository,
	ContextCommitAuthor: envCommitAuthor,
	ContextPRNumber:     envPRNumber,
}

var (
	// settingPattern matches the keys of settings. Those of the CDK's feature flags, of its own
	// context and of what it looked up have other characters.
	settingPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

	// settingsOfCLI are the keys that the CDK CLI writes into cdk.context.json under such names,
	// in `cdk acknowledge` and `cdk cli-telemetry`.
	settingsOfCLI = []string{"acknowledged-issue-numbers", "cli-telemetry"}
)

// Settings are the values that shape the stack, from cdk.json's context and from environment
// variables. A setting that nobody asked for does not exist, and is an error.
type Settings struct {
	getenv      func(string) string
	context     map[string]any // as the CDK CLI passes it: cdk.json, cdk.context.json, -c
	suffix      string
	suffixFrom  string          // the variable or the path in cdk.json
	environment map[string]any  // that of the suffix
	asked       map[string]bool // by key
	notes       []string
	problems    contextReader
}

// NewSettings returns the settings of the environment that getenv or the context names. Both may
// be nil.
func NewSettings(getenv func(string) string, context map[string]any) *Settings {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	s := &Settings{getenv: getenv, context: context, asked: map[string]bool{ContextEnvironments: true}}
	s.suffix, s.suffixFrom = s.Text(ContextSuffix, defaultSuffix)
	environments := s.environments()
	if own := environments[s.suffix]; own != nil {
		s.environment = s.problems.object(s.pathOfEnvironment(), s.problems.parsed(own))
	}
	if _, given := s.environment[ContextSuffix]; given {
		s.problems.reject(s.pathOfEnvironment()+"."+ContextSuffix, s.environment[ContextSuffix], "an environment is found by its suffix: set it beside "+ContextEnvironments)
	}
	return s
}

func (s *Settings) environments() map[string]any {
	value := s.context[ContextEnvironments]
	if value == nil {
		return nil
	}
	return s.problems.object(ContextEnvironments, s.problems.parsed(value))
}

func (s *Settings) pathOfEnvironment() string { return ContextEnvironments + "." + s.suffix }

// Value returns the setting of cdk.json: the environment's, otherwise the one for all; nil for
// none.
func (s *Settings) Value(key string) any {
	s.asked[key] = true
	if value, given := s.environment[key]; given {
		return value
	}
	return s.context[key]
}

// Path is where the setting is in cdk.json's context, for errors: the key, below the environment
// if that has the setting.
func (s *Settings) Path(key string) string {
	if _, given := s.environment[key]; given {
		return s.pathOfEnvironment() + "." + key
	}
	return key
}

// Text returns the setting that an environment variable overrides, a list joined by commas, and
// where it is from, for errors. Empty values are none.
func (s *Settings) Text(key, otherwise string) (value, from string) {
	inContext := s.contextText(key)
	variable := variables[key]
	if fromEnv := s.getenv(variable); fromEnv != "" {
		s.note(key, fromEnv, inContext, otherwise)
		return fromEnv, variable
	}
	return cmp.Or(inContext, otherwise), "context " + s.Path(key)
}

func (s *Settings) contextText(key string) string {
	switch v := s.Value(key).(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		var texts []string
		for _, one := range v {
			text, isText := one.(string)
			if !isText || strings.Contains(text, ",") {
				s.problems.reject(s.Path(key), one, "want a list of texts without commas")
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, ",")
	default:
		s.problems.reject(s.Path(key), v, "want a text")
		return ""
	}
}

// note records that a variable changes what cdk.json says: a synthesis without it is another
// stack. Who deploys is no part of the stack.
func (s *Settings) note(key, value, inContext, otherwise string) {
	if value == cmp.Or(inContext, otherwise) || slices.Contains(deployerKeys, key) {
		return
	}
	without := fmt.Sprintf("%q, which cdk.json has", inContext)
	if inContext == "" {
		without = "nothing, because cdk.json does not have it"
		if otherwise != "" {
			without = fmt.Sprintf("%q, the default", otherwise)
		}
	}
	s.notes = append(s.notes, fmt.Sprintf("%s sets %s to %q; without the variable it is %s", variables[key], s.Path(key), value, without))
}

// Notes are a line for each variable that changes what cdk.json says.
func (s *Settings) Notes() []string { return s.notes }

// Err returns what is wrong with the settings themselves, above all those that do not exist. It
// must be called after every existing setting was asked for.
func (s *Settings) Err() error {
	unknown := func(path string, settings map[string]any) {
		for key := range settings {
			if s.asked[key] || !settingPattern.MatchString(key) || slices.Contains(settingsOfCLI, key) {
				continue
			}
			s.problems.problems = append(s.problems.problems, fmt.Errorf("%w: context %s: there is no such setting; there are %s",
				ErrConfig, path+key, strings.Join(slices.Sorted(maps.Keys(s.asked)), ", ")))
		}
	}
	unknown("", s.context)
	environments, _ := s.problems.parsed(s.context[ContextEnvironments]).(map[string]any)
	for name, settings := range environments {
		object, _ := s.problems.parsed(settings).(map[string]any)
		unknown(ContextEnvironments+"."+name+".", object)
	}
	return s.problems.err()
}
