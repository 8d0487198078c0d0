package redact

import "strings"

// lines returns the lines that are the value, which would begin at s[start], of the
// key at s[key]. Its end is 0 if the value is not below its key.
func lines(s string, key, start int) span {
	if word, ok := strings.CutPrefix(s[start:min(len(s), start+maxType)], "<<"); ok {
		return heredoc(s, start, word)
	}
	if tag := tagEnd(s, start); tag > 0 {
		if i := skipIndent(s, tag); i < len(s) && (s[i] == '|' || s[i] == '>') { // !vault |
			return linesBelow(s, key, i)
		}
	}
	return linesBelow(s, key, start)
}

// heredoc returns the lines up to one that is the word behind <<.
func heredoc(s string, start int, word string) span {
	end := strings.IndexByte(word, '\n')
	if end < 0 {
		return span{}
	}
	first := start + len("<<") + end + 1
	word = strings.Trim(word[:end], "-~'\"\r")
	if word == "" || bareKey(word, len(word)) > 0 {
		return span{}
	}
	for i := first; i < len(s); {
		next := len(s)
		if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
			next = i + n
		}
		if strings.Trim(s[i:next], " \t\r") == word {
			return span{first, max(first, i-1)}
		}
		i = next + 1
	}
	return span{first, len(s)}
}

// linesBelow returns the lines that are the value, as in YAML, of the key at
// s[key]: if nothing follows it in its line, those indented deeper, and the items
// of a list that are not.
func linesBelow(s string, key, start int) span {
	i := start
	for i < len(s) && i < start+3 && strings.IndexByte("|>+-", s[i]) >= 0 {
		i++
	}
	if i < len(s) && s[i] == '\r' {
		i++
	}
	if i == len(s) || s[i] != '\n' {
		return span{}
	}
	line := strings.LastIndexByte(s[:key], '\n') + 1
	text := skipIndent(s, line)
	indent, inList := text-line, strings.HasPrefix(s[text:key], "- ")
	var below span
	for i++; i < len(s); i++ {
		text := skipIndent(s, i)
		item := text-i == indent && !inList && strings.HasPrefix(s[text:], "- ")
		if text-i <= indent && !item && text < len(s) && s[text] != '\n' && s[text] != '\r' {
			break
		}
		next := strings.IndexByte(s[text:], '\n')
		if next < 0 {
			next = len(s) - text
		}
		if end := text + len(strings.TrimRight(s[text:text+next], "\r")); end > text {
			if below.end == 0 {
				below.start = text
			}
			below.end = end
		}
		i = text + next
	}
	return below
}
