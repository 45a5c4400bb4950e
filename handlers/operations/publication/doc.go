// Package publication reads stored transactions from the table and publishes their events
// again, exactly as event-relay publishes them, for the operators' tool.
package publication
