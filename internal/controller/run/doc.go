// Package run is the doing part of the controller, and every broker's view of the metadata. A Run follows the store and
// holds the newest image; where its node wins the election it also takes requests, one at a time, asks package
// controller what to do, and stores the answer under the guard of its election, so that a deposed controller can change
// nothing.
package run
