// Package startup is what every handler needs before its first event.
package startup
