package xray

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"
)

// waitTimeout is generous: it only elapses when something is wrong.
const waitTimeout = 5 * time.Minute

func TestDaemon(t *testing.T) {
	t.Run("keeps the most recent documents by trace", func(t *testing.T) {
		rejected := make(chan error, 1)
		d := New(func(err error) { rejected <- err })
		defer d.Close()
		address, err := d.Listen("event-relay", nil)
		if err != nil {
			t.Fatal(err)
		}
		connection, err := net.Dial("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		send := func(text string) {
			if _, err := connection.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		// The datagram's form: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
		const header = `{"format": "json", "version": 1}` + "\n"
		send(header + `{"trace_id":"1-a","id":"s1","parent_id":"p","name":"store","type":"subsegment"}`)
		send(header + `{"trace_id":"1-b","id":"s2","name":"publish"}`)
		waitFor(t, func() bool { return len(d.Documents("")) == 2 })
		got := d.Documents("1-a")
		if len(got) != 1 || got[0].Name != "store" || got[0].ParentID != "p" || string(got[0].JSON) != `{"trace_id":"1-a","id":"s1","parent_id":"p","name":"store","type":"subsegment"}` {
			t.Errorf("trace 1-a: %+v", got)
		}
		for _, broken := range []string{"no header", `{"format": "json", "version": 2}` + "\n{}", header + "{}", header + "{"} {
			send(broken)
			select {
			case <-rejected:
			case <-time.After(waitTimeout):
				t.Errorf("%q is not reported", broken)
			}
		}
		for i := 0; i < maxDocuments; i += 20 { // in steps, so that the kernel's buffer holds them
			for j := range 20 {
				send(header + fmt.Sprintf(`{"trace_id":"1-c","id":"%d","name":"n"}`, i+j))
			}
			waitFor(t, func() bool { return len(d.Documents("1-c")) == i+20 })
		}
		all := d.Documents("")
		if first, last := all[0].ID, all[len(all)-1].ID; first != "0" || last != fmt.Sprint(maxDocuments-1) {
			t.Errorf("documents %s to %s, want them in the order in which they came", first, last)
		}
		if n := len(all); n != maxDocuments || len(d.Documents("1-a")) != 0 {
			t.Errorf("%d documents are kept, of trace 1-a %d", n, len(d.Documents("1-a")))
		}
	})
	t.Run("drops what the sender may not send", func(t *testing.T) {
		d := New(func(err error) { t.Error(err) })
		defer d.Close()
		asked := make(chan bool, 1)
		address, err := d.Listen("webhook-validator", func() error { asked <- true; return errors.New("denied") })
		if err != nil {
			t.Fatal(err)
		}
		other, err := d.Listen("event-relay", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{address, other} {
			connection, err := net.Dial("udp", to)
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			if _, err := connection.Write([]byte(`{"format": "json", "version": 1}` + "\n" + `{"trace_id":"1-a","id":"` + to + `","name":"n"}`)); err != nil {
				t.Fatal(err)
			}
		}
		<-asked
		waitFor(t, func() bool { return len(d.Documents("")) > 0 })
		if got := d.Documents(""); len(got) != 1 || got[0].ID != other || got[0].Function != "event-relay" {
			t.Errorf("documents %+v, want that of the other sender", got)
		}
	})
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("condition not reached")
		}
		time.Sleep(time.Millisecond)
	}
}
