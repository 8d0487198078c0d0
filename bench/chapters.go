package bench

// Chapters returns all about handlers that stand before others.
func Chapters() []Chapter {
	return []Chapter{
		fanChapter(), routeChapter(), choiceChapter(), disabledChapter(), gateChapter(), samplingChapter(), contextChapter(),
		rewriteChapter(), duplicateChapter(), eachChapter(), consoleChapter(), observeChapter(),
	}
}
