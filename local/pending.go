package main

import (
	"context"
	"errors"
	"time"
)

// errPending is for what the packages schedule and streams will play.
var errPending = errors.New("scheduled rules are not wired yet")

func (b *bench) schedule(string, []byte) error                 { return nil }
func (b *bench) startSchedules()                               {}
func (b *bench) ruleStates() any                               { return []string{} }
func (b *bench) fire(context.Context, string, time.Time) error { return errPending }
