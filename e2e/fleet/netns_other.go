//go:build !linux

package main

import (
	"errors"
	"syscall"
)

var errNoNamespaces = errors.New("network namespaces: only Linux has them")

type (
	network struct{}
	cable   struct{ Address string }
)

func apart(bool) *syscall.SysProcAttr { return nil }

func mortal() *syscall.SysProcAttr { return nil }

func buildNetwork(int) (*network, error) { return nil, errNoNamespaces }

func (n *network) receiver(int) string     { return "" }
func (n *network) cable(int) *cable        { return nil }
func (n *network) connect([]*sender) error { return errNoNamespaces }
func (n *network) set([]int, string) error { return errNoNamespaces }
func (n *network) destroy() error          { return nil }
func (c *cable) plug() error               { return errNoNamespaces }

// alive reports whether there may be a process.
func alive(int) bool { return true }
