// Package eventbridgebus publishes events to an Amazon EventBridge bus for
// event-relay: in calls of the size that PutEvents takes, with a second and third
// try for the single entries that it refuses.
package eventbridgebus
