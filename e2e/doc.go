// Package e2e runs the suite against receivers that others have written.
package e2e
