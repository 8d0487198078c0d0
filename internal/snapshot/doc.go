// Package snapshot makes copies of records that nobody can change any more, for
// a handler that keeps them and prints them later. What is printed then is what
// would have been printed at the time of the call, but for the addresses of
// pointers.
//
// A LogValuer is resolved, the slice of a group copied. Any other value is, in
// this order of preference:
//
//   - shared, if nobody can change it: numbers, strings, times, addresses,
//     structs and arrays of these, nil, the errors of errors.New, and those of
//     fmt.Errorf and errors.Join around such errors;
//   - copied, with its type: slices, maps, pointers, and structs whose fields
//     are exported where they can change;
//   - rendered: a value that has the text the original printed in JSON and as
//     text, and if the original was a fmt.Stringer, its string. A rendered error
//     stays an error: it wraps the frozen causes, it Is the original, and
//     [TypeName] and [Tracer] see through it.
//
// What a handler cannot have of a rendered value: its Go type, and through it
// errors.As to the type of a rendered error (not to those it wraps), an Is or As
// method of its own, and what fmt prints with other verbs or within other
// widths. A list that is rendered is no list of tags. A copied error is not the
// original: errors.Is finds it by what it wraps, or by an Is method of its own.
// Where one value holds another one that cannot be copied, all of it is
// rendered, but for the errors that a copied error wraps.
//
// A value that changes while it is copied is a data race, as it would be with a
// handler that prints at once. What is rendered is rendered as JSON and as text,
// whichever the handler prints later. If a lock is part of a value, fmt is not
// let in: its JSON stands for its text, unless it has a String method.
//
// Nothing here starts a goroutine. A method of a value that panics costs the
// placeholder that log/slog prints.
package snapshot
