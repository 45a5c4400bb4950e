// Package xray plays the X-Ray daemon: it receives segment documents over UDP
// and keeps the most recent ones, by trace.
//
// Functions reach it through AWS_XRAY_DAEMON_ADDRESS. The documents can be
// read at the local endpoint under /_local/traces. They go no further: no
// service map is drawn.
//
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
package xray
