package provision

import (
	"context"
	"net/url"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/moto"
)

var dashboardType = assembly.Type{Name: "AWS::CloudWatch::Dashboard", Properties: dashboard{}, NameProperty: "DashboardName"}

// dashboard is AWS::CloudWatch::Dashboard.
type dashboard struct{ DashboardName, DashboardBody string }

func (d *dashboard) create(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	return moto.Query(ctx, *c.config.BaseEndpoint, c.config.Region, "monitoring", "2010-08-01", "PutDashboard",
		url.Values{"DashboardName": {name}, "DashboardBody": {d.DashboardBody}})
}

// update puts the dashboard again, which replaces its body.
func (d *dashboard) update(ctx context.Context, c clients, logicalID string, _ resource) error {
	return d.create(ctx, c, logicalID)
}

func (d *dashboard) remove(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	return moto.Query(ctx, *c.config.BaseEndpoint, c.config.Region, "monitoring", "2010-08-01", "DeleteDashboards", url.Values{"DashboardNames.member.1": {name}})
}
