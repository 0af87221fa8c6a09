// Package lint holds the house rules that a machine can check, as ordinary tests: which room may know which, that every package says
// what it is for, and how far a file may grow. A rule that nobody checks fades.
package lint
