// Package tools compares our admin tools with Apache's: both run the same command lines against the same broker, and must
// end with the same exit code and print the same.
//
// The conversations are the files in testdata. A line "$ tool args" runs both tools. $B stands for --bootstrap-server with
// the broker's address, $T for a name that is different for each tool, so that neither sees what the other has changed, and
// $DIR for a directory of its own. Other commands prepare things for both names: "$ produce topic partition count",
// "$ commit group topic partition offset", "$ join group topic" (a classic member that stays), "$ file name text". A first
// line "# apache only" keeps a file from nodes of Ottla.
//
// The tests need Java, and run with the build tag interop. OTTLA_INTEROP_TARGET says which broker they run against: apache,
// ottla, or both if it is empty. OTTLA_INTEROP_BOOTSTRAP names a running node of Ottla to use instead of one in the test.
package tools
