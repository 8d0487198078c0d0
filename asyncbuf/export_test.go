package asyncbuf

// FlushUnless is what FlushOnSignal does with a signal, without sending one.
var FlushUnless = flushUnless

// FormsOf is in which forms a Handler has values printed.
var FormsOf = formsOf
