package asyncbuf

// FlushUnless is what FlushOnSignal does with a signal, without sending one.
var FlushUnless = flushUnless
