package main

import "golang.org/x/sys/unix"

// warmBytes is more than what one sample adds to the page cache at a time.
const warmBytes = 640 << 20

// warmMemory touches memory and gives it back, so that the pages a sample gets next are ones that the machine really has. On a virtual
// machine a page that was never used, or was given back to the host, costs a fault there, which shows as system time of whoever
// happens to get it: up to three times the whole cost of a sample, by turns for one side and the other.
func warmMemory() {
	memory, err := unix.Mmap(-1, 0, warmBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return // the figures are noisier without
	}
	for at := 0; at < len(memory); at += unix.Getpagesize() {
		memory[at] = 1
	}
	_ = unix.Munmap(memory)
}
