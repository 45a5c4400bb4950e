package session

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"payment-webhooks/handlers/contract"
)

// Alarm is the state of one of the stack's CloudWatch alarms.
type Alarm struct {
	Name    string    `json:"name"` // without prefix and suffix: "unpublished"
	State   string    `json:"state"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
	History []struct {
		At    time.Time `json:"at"`
		State string    `json:"state"`
	} `json:"history"` // oldest first
}

// Rang reports whether the alarm has been raised.
func (a Alarm) Rang() bool {
	for _, h := range a.History {
		if h.State == "ALARM" {
			return true
		}
	}
	return false
}

// Alarms evaluates the alarms up to a time, which may be in the future, and returns them by name.
func (s *Session) Alarms(ctx context.Context, at time.Time) (map[string]Alarm, error) {
	var all []Alarm
	if err := s.Control(ctx, http.MethodGet, "/_local/alarms?time="+url.QueryEscape(at.UTC().Format(time.RFC3339)), nil, &all); err != nil {
		return nil, err
	}
	alarms := map[string]Alarm{}
	for _, a := range all {
		a.Name = strings.TrimSuffix(strings.TrimPrefix(a.Name, contract.AlarmPrefix), "-"+s.Suffix())
		alarms[a.Name] = a
	}
	return alarms, nil
}

// AlarmAlerts returns what subscribers received when an alarm was raised, oldest first.
func (s *Session) AlarmAlerts(ctx context.Context, name string) ([]Alert, error) {
	alerts, err := s.Alerts(ctx, `"AlarmName":"`+contract.AlarmPrefix+name+"-"+s.Suffix()+`"`)
	var raised []Alert
	for _, a := range alerts {
		if strings.Contains(a.Message, `"NewStateValue":"ALARM"`) {
			raised = append(raised, a)
		}
	}
	return raised, err
}
