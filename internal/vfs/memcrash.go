package vfs

import "math/rand/v2"

// sectorBytes is the unit in which a torn write reaches the disk or does not.
const sectorBytes = 512

// SyncDir implements FS.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpSyncDir, name); f.Err != nil {
		return pathError("syncdir", name, f.Err)
	}
	dir := m.find(name)
	if dir == nil || !dir.isDir {
		return pathError("syncdir", name, errNotDir)
	}
	kept := m.journal[:0]
	for _, op := range m.journal {
		if op.dir == dir || op.dir2 == dir {
			op.apply()
		} else {
			kept = append(kept, op)
		}
	}
	m.journal = kept
	return nil
}

// apply makes a change of names durable.
func (op dirOp) apply() {
	if op.dir2 != nil && op.dir2.durable[op.name2] == op.node {
		delete(op.dir2.durable, op.name2)
	}
	if op.node == nil {
		delete(op.dir.durable, op.name)
	} else {
		op.dir.durable[op.name] = op.node
	}
}

// SyncAll makes everything durable, as an orderly shutdown of the machine does.
func (m *Mem) SyncAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, op := range m.journal {
		op.apply()
	}
	m.journal = nil
	syncTree(m.root)
}

func syncTree(n *memNode) {
	n.sync()
	for _, child := range n.children {
		syncTree(child)
	}
}

// CrashClone returns a file system as it might be found after the power was cut now. What is durable is there. Of what
// is not, each change of a name may have happened or not, and each write may be there, missing, or there in some of its
// sectors only. The original goes on undisturbed. Equal states and equal random numbers give equal clones.
func (m *Mem) CrashClone(random *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMem()
	c.now = m.now
	c.boot = m.boot + 1
	names := durableNames(m.root, map[*memNode]map[string]*memNode{})
	for _, op := range m.journal {
		if random.IntN(2) == 0 {
			continue
		}
		if op.dir2 != nil && names[op.dir2][op.name2] == op.node {
			delete(names[op.dir2], op.name2)
		}
		if op.node == nil {
			delete(names[op.dir], op.name)
			continue
		}
		if names[op.dir] == nil {
			names[op.dir] = map[string]*memNode{}
		}
		names[op.dir][op.name] = op.node
		durableNames(op.node, names)
	}
	c.root = cloneTree(m.root, names, random, map[*memNode]bool{})
	c.usedBytes = treeBytes(c.root)
	return c
}

// durableNames collects the durable names of a directory and of those in it.
func durableNames(n *memNode, names map[*memNode]map[string]*memNode) map[*memNode]map[string]*memNode {
	if !n.isDir || names[n] != nil {
		return names
	}
	names[n] = make(map[string]*memNode, len(n.durable))
	for name, child := range n.durable {
		names[n][name] = child
		durableNames(child, names)
	}
	return names
}

func cloneTree(n *memNode, names map[*memNode]map[string]*memNode, random *rand.Rand, seen map[*memNode]bool) *memNode {
	if !n.isDir {
		data := n.crashed(random)
		return &memNode{data: data, synced: append([]byte{}, data...), modTime: n.modTime}
	}
	c := newMemDir()
	c.modTime = n.modTime
	if seen[n] { // a directory cannot stand in two places: the lost half of a rename
		return c
	}
	seen[n] = true
	for _, name := range sortedKeys(names[n]) {
		child := cloneTree(names[n][name], names, random, seen)
		c.children[name], c.durable[name] = child, child
	}
	return c
}

// crashed returns what may be left of a file's contents.
func (n *memNode) crashed(random *rand.Rand) []byte {
	data := append([]byte{}, n.synced...)
	for _, op := range n.unsynced {
		switch random.IntN(4) {
		case 0: // never reached the disk
		case 1:
			data = op.torn(data, random)
		default:
			data = op.apply(data)
		}
	}
	return data
}

// torn applies some sectors of a write.
func (op fileOp) torn(data []byte, random *rand.Rand) []byte {
	for from := int64(0); from < int64(len(op.data)); {
		to := min(int64(len(op.data)), (op.offset+from)/sectorBytes*sectorBytes+sectorBytes-op.offset)
		if random.IntN(2) == 0 {
			data = overwrite(data, op.data[from:to], op.offset+from)
		}
		from = to
	}
	return data
}

func treeBytes(n *memNode) int64 {
	sum := int64(len(n.data))
	for _, child := range n.children {
		sum += treeBytes(child)
	}
	return sum
}
