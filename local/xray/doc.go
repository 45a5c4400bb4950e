// Package xray emulates the X-Ray daemon: it receives segment documents over UDP and keeps
// the most recent ones.
//
// Functions reach it through AWS_XRAY_DAEMON_ADDRESS. The documents can be read at the AWS
// endpoint under /_local/traces. They are not sent on, and there is no service map.
//
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
package xray
