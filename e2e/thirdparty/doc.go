// Package thirdparty runs libraries that log through log/slog, or an adapter to it,
// into a whole pipeline of the suite, and checks what comes out. docs/third-party.md
// says how each is wired.
package thirdparty
