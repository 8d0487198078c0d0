// Package page holds the tests of the page of package monitor in a browser: how it
// looks at each width, and that all that it offers can be done. They need Chromium
// on the PATH and make the screenshots of docs/img:
//
//	go test ./page -run TestPage/screenshots -update
package page
