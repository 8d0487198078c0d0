/*
Package redact keeps secrets out of every log: a [slog.Handler] that masks them
in each record before the next handler sees it.

	logger := slog.New(redact.NewHandler(slog.NewJSONHandler(os.Stdout, nil), nil))
	logger.Info("login password=hunter2", "api_key", "k-123", "url", "https://bob:hunter2@example.com/?token=t&page=2")

prints

	{"level":"INFO","msg":"login password=[REDACTED]","api_key":"[REDACTED]","url":
	"https://bob:[REDACTED]@example.com/?token=[REDACTED]&page=2"}

Put it before a fan-out: one decision, and no branch can leak. Put it before an
asyncbuf.Handler, which prints what it cannot copy: behind one, a secret that
is known by its type or its field may be a part of a text.

[String], [Bytes], [ReplaceAttr] and [Redactor] are for what no handler can be
wrapped around, [Scan] is for the logs that are there already, and [Secret] is a
value that prints its mask wherever it goes.

Not for: values that should never have come near a log. A name, a diagnosis or
a password in a sentence ("the password is hunter2") has no key and no form to
know it by, and neither has a secret that is compressed, encrypted, encoded by
the caller, escaped twice or for HTML, or split over two attrs, or over the
elements of a list, as the lines of a PEM block. Numbers are only masked under a
sensitive key.

# What is masked

What a [Rule] finds: by its key, its place, its type, its tag, its form, or a
function. [DefaultRules] has those that every handler has, [Options] adds others,
and switches any of them off.

What has a sensitive key is masked, whatever it is. Keys are those of attrs,
groups (by WithGroup too), maps and the fields of structs, by their Go and their
JSON names, and keys in text: key=value, "key: value", the lines below a key in
YAML, JSON, URL queries, forms, headers, what fmt prints of maps and structs. So
are the value beside a sensitive name, in a struct or a map of Name and Value,
and in lists of texts what follows "--password" or "PASSWORD=". Fields go by
their names in the tags yaml, toml, xml, env, mapstructure, db, form and header
too. Case and punctuation do not count, nor do digits at the end where a pattern
has a "*". Nil, the empty text, a bool and a time.Duration show nothing and stay.
Neither tokens, auth nor key alone are keys: they mean too much else.

What has the form of a secret is masked in any text: in messages, keys, group
names, strings, []byte, JSON in strings, errors with all that they wrap, and in
all that encoding/json or fmt would print of a value: by a method (MarshalJSON,
MarshalText, Error, String, Format), and by its fields, exported or not, maps,
slices and pointers. What stands in a sensitive field is masked also where a
method prints it, if it prints it as it is; if it has less than 4 bytes, all that
the method prints is. A slog.LogValuer is resolved, also where handlers do not
look for one.

What a lock guards is not read: of a type with a sync.Locker in it, or with a
map that is not exported, only the methods know when. What they print is looked
at. The value itself is passed on if that is clean and all that the next handler
could print; else what they print is, or, of a type without methods, what is
exported. A secret that such a method prints has no key but the one in its text.
Neither has one behind a pointer in a field that is not exported.

# What remains

A value without a secret is passed on as it is, not a copy; a record without
one is passed on whole. Of a value with a secret in it, a masked copy is made
in its JSON form, a map, a slice or an object in the order of the fields; a
struct that prints itself becomes that text, and so does anything whose text has
a secret by itself; an error stays an error that
errors.Is knows, and says by a method ErrorType what it was. A group, a map or a struct under a
sensitive key becomes the mask, a text; of WithGroup, what is in it does. An object, array or string of JSON,
in a text or as one, stays valid. Nothing that belongs to the caller is written.
Time, level and source are not touched. Groups that are empty are left out.

Values are read while Handle runs, all fields of them, exported or not. What
other goroutines change meanwhile is a race, as it is for encoding/json, and a
method that prints something else when it is called again may print a secret.

An [Action] other than the mask takes effect where the secret stands by itself.
In what a method prints, and where two rules find parts of the same, it is the
mask.

# Guarantees

Order is kept, nothing is dropped, and there is no lock and no goroutine.
The cost is linear in the length of the text. What is nested more than 100 deep,
contains itself, or has more than 65,536 values, becomes "[REDACTED: too deep]";
a value with a method that panics becomes "[REDACTED: panic]". Both are counted
by [Stats] and reported to OnError. Options that are wrong mask everything. When
in doubt, more is masked rather than less: a bare value in text goes on to the
next space.
*/
package redact
