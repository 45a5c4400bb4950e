package apigateway

import "time"

// record records the metrics of AWS/ApiGateway by ApiName and Stage. Each request has a value of
// 4XXError and 5XXError, so that their average is the error rate. A request outside the stage
// belongs to none.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
func (a *API) record(x *exchange) {
	if a.config.Metric == nil || x.gateway == notFound {
		return
	}
	is := func(class int) float64 {
		if x.status/100 == class {
			return 1
		}
		return 0
	}
	milliseconds := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	a.config.Metric("Count", 1, x.at)
	a.config.Metric("4XXError", is(4), x.at)
	a.config.Metric("5XXError", is(5), x.at)
	a.config.Metric("Latency", milliseconds(a.config.Now().Sub(x.at)), x.at)
	if x.called {
		a.config.Metric("IntegrationLatency", milliseconds(x.latency), x.at)
	}
}
