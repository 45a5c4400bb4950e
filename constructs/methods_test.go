//go:build !race

package constructs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/providers/providerstest"
)

// methodsOf returns the template's methods, each with its path.
func methodsOf(s template) []string {
	var methods []string
	paths := pathsOf(s)
	for _, id := range s.all("AWS::ApiGateway::Method") {
		method := s.Resources[id]
		methods = append(methods, s.render(method.at("HttpMethod"))+" "+paths[s.render(method.at("ResourceId"))])
	}
	slices.Sort(methods)
	return methods
}

// permittedMethods returns the methods for which API Gateway may invoke a function.
func permittedMethods(s template) []string {
	var methods []string
	for _, id := range s.all("AWS::Lambda::Permission") {
		permission := s.Resources[id]
		if s.render(permission.at("Principal")) != "apigateway.amazonaws.com" {
			continue
		}
		arn := s.render(permission.at("SourceArn"))
		verb, path, _ := strings.Cut(arn[strings.LastIndex(arn, "}/")+len("}/"):], "/")
		methods = append(methods, verb+" /"+strings.Replace(path, "*", "{provider}", 1))
	}
	slices.Sort(methods)
	return methods
}

func TestGatewayMethods(t *testing.T) {
	extended := append(supported(), providerstest.Declaration)
	for _, tt := range []struct {
		name      string
		providers map[string]any
		want      []string
	}{
		{"are those of /webhook and of unknown names when the canonical provider alone is configured", map[string]any{
			"canonical": map[string]any{"secret": "payments/canonical"},
		}, []string{"POST /webhook", "POST /webhook/{provider}"}},
		{"are POST alone when the configured provider needs no other", map[string]any{
			"stripe": map[string]any{"secret": "payments/stripe"},
		}, []string{"POST /webhook", "POST /webhook/stripe", "POST /webhook/{provider}"}},
		{"have GET where a configured provider needs it", map[string]any{
			"stripe":           map[string]any{"secret": "payments/stripe"},
			providerstest.Name: map[string]any{"secret": "payments/formpay", "environment": "sandbox"},
		}, []string{"GET /webhook/formpay", "POST /webhook", "POST /webhook/formpay", "POST /webhook/stripe", "POST /webhook/{provider}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config(t, nil)
			var err error
			if cfg.Providers, err = providersFromContext(extended, withProviders(tt.providers, nil, true)); err != nil {
				t.Fatal(err)
			}
			s := synthesize(t, cfg)
			if diff := cmp.Diff(tt.want, methodsOf(s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// One permission covers POST to every provider.
			permitted := slices.DeleteFunc(slices.Clone(tt.want), func(method string) bool {
				return strings.HasPrefix(method, "POST /webhook/") && method != "POST /webhook/{provider}"
			})
			if diff := cmp.Diff(permitted, permittedMethods(s)); diff != "" {
				t.Errorf("the API may invoke the validator (-want +got):\n%s", diff)
			}
			// Each has its limits: without, those of unknown names apply.
			_, stage := s.only("AWS::ApiGateway::Stage")
			for _, method := range tt.want {
				verb, path, _ := strings.Cut(method, " ")
				limited := strings.Contains(s.render(stage.at("MethodSettings")), fmt.Sprintf(`"HttpMethod":%q,"LoggingLevel":"OFF","ResourcePath":"/%s"`, verb, strings.ReplaceAll(path, "/", "~1")))
				if limited != (path != "/webhook/{provider}") {
					t.Errorf("%s has limits of its own: %v", method, limited)
				}
			}
			_, validator := s.named("AWS::Lambda::Function", "FunctionName", "webhook-validator-dev")
			environment := s.render(validator.at("Environment", "Variables", "PROVIDERS"))
			if _, configured := tt.providers[providerstest.Name]; configured != strings.Contains(environment, `"formpay":{"environment":"sandbox","secret":"payments/formpay"}`) {
				t.Errorf("the validator gets %s", environment)
			}
		})
	}
}

func TestMembersFollowTheDeclaration(t *testing.T) {
	extended := append(supported(), providerstest.Declaration)
	for name, c := range map[string]struct {
		members map[string]any
		facts   []string
	}{
		"when a value is not accepted": {map[string]any{"secret": "s", "environment": "moon"}, []string{"providers.formpay.environment", `"moon"`, "want sandbox or production"}},
		"when a member is of another":  {map[string]any{"secret": "s", "capture": "manual"}, []string{"providers.formpay.capture", "formpay accepts only secret, secretKeyArn, environment"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := providersFromContext(extended, withProviders(map[string]any{providerstest.Name: c.members}, nil, true))
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v", err)
			}
			for _, fact := range c.facts {
				if !strings.Contains(err.Error(), fact) {
					t.Errorf("%q does not name %q", err, fact)
				}
			}
		})
	}
	t.Run("and the provider of tests cannot be configured", func(t *testing.T) {
		_, err := ProvidersFromContext(withProviders(map[string]any{providerstest.Name: map[string]any{"secret": "s"}}, nil, true))
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "no such provider") {
			t.Errorf("got %v", err)
		}
	})
}
