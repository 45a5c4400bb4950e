package cloudwatch

import (
	"testing"
	"time"
)

func TestSum(t *testing.T) {
	store := NewStore()
	m := NewMetric("N", "M")
	at := time.Date(2026, 11, 22, 15, 0, 30, 0, time.UTC)
	for minutes, value := range []float64{1, 2, 4} {
		store.Put(m, value, at.Add(time.Duration(minutes)*time.Minute))
	}
	for name, c := range map[string]struct {
		since time.Time
		want  float64
	}{
		"when no time is given, it is of all values":        {time.Time{}, 7},
		"when a minute has begun before, all of it counts":  {at.Add(time.Minute + 20*time.Second), 6},
		"when nothing was recorded since, there is nothing": {at.Add(time.Hour), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := store.Sum(m, c.since); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if got := store.Sum(NewMetric("N", "none"), time.Time{}); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestQueues_known(t *testing.T) {
	q := NewQueues(NewStore(), time.Now)
	q.Add("dlq", time.Hour)
	const url = `"QueueUrl": "http://127.0.0.1/1/dlq"`
	before := q.Activity()
	q.Observed("SendMessage", []byte(`{`+url+`}`), []byte(`{"MessageId": "one"}`))
	q.Observed("SendMessage", []byte(`{`+url+`}`), []byte(`{"MessageId": "two"}`))
	if q.Known("dlq") != 2 || q.Activity() == before || q.Known("other") != 0 {
		t.Errorf("%d known, %d calls", q.Known("dlq"), q.Activity()-before)
	}
	q.Observed("ReceiveMessage", []byte(`{`+url+`}`), []byte(`{"Messages": [{"MessageId": "one", "ReceiptHandle": "h"}]}`))
	q.Observed("DeleteMessage", []byte(`{`+url+`, "ReceiptHandle": "h"}`), nil)
	if q.Known("dlq") != 1 {
		t.Errorf("%d known after one was deleted", q.Known("dlq"))
	}
}
