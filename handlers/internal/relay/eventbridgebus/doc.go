// Package eventbridgebus publishes events to an Amazon EventBridge bus for
// event-relay. It makes calls within the limits of PutEvents, and retries single entries
// that EventBridge rejects up to two times.
package eventbridgebus
