// Package docs tests what the pages in docs show of other software: code of other
// logging libraries, and configurations in YAML.
package docs
