package intake

import (
	"net/http"
	"testing"
)

func TestRoute(t *testing.T) {
	const body = `[{"Type":"paid","ID":"p_1","Kind":"payment","Amount":"5","Currency":"EUR","Customer":"c"}]`
	for _, tt := range []struct {
		name                        string
		method, resource, parameter string
		status                      int
	}{
		{"is that of the provider when its resource names it", "POST", "/webhook/fake", "", 202},
		{"is that of the provider when the parameter names it", "POST", "/webhook/{provider}", "fake", 202},
		{"is that of the provider when the resource ends in a slash", "POST", "/webhook/fake/", "", 202},
		{"is none when resource and parameter are both given", "POST", "/webhook/fake", "fake", 404},
		{"is none when the parameter is missing", "POST", "/webhook/{provider}", "", 404},
		{"is none when the resource names a provider that is not configured", "POST", "/webhook/nobody", "", 404},
		{"is none when the resource names canonical", "POST", "/webhook/canonical", "", 404},
		{"is none when the resource is deeper", "POST", "/webhook/fake/more", "", 404},
		{"is none when the resource begins otherwise", "POST", "/hook/fake", "", 404},
		{"is none when the provider does not declare the method", "GET", "/webhook/fake", "", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newFixture()
			request := notify(body, "secret", now)
			request.Method, request.Resource, request.Provider = tt.method, tt.resource, tt.parameter
			response := d.send(t, request)
			if response.Status != tt.status {
				t.Fatalf("%d %s, want %d", response.Status, response.Body, tt.status)
			}
			if stored := len(d.stored(t)); stored != 0 != (tt.status == http.StatusAccepted) {
				t.Errorf("%d transactions are stored", stored)
			}
		})
	}
}
