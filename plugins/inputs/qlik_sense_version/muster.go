package qlik_sense_version

import (
	"sync"

	"telegraf-qlik-sense-version/internal/systeminfo"
)

// versionOf is what two servers of a block are compared by.
func versionOf(info *systeminfo.Info) string {
	if info.Version != "" {
		return info.Version
	}
	return info.ReleaseLabel
}

// muster finds the version that most servers of a block run in a round. Points that
// say whether a server differs from it wait here until it is clear: as soon as the
// servers that have not answered yet cannot turn it over, so that a few which hang do
// not hold up the others, and at the end of the round at the latest.
type muster struct {
	mu      sync.Mutex
	pending int            // servers that neither answered nor failed yet
	servers map[string]int // number of servers by version
	lead    int            // the highest of these numbers
	clear   bool
	usual   string // once clear: the version that most servers run, "" where none is
	waiting []answer
}

// answer is a point that waits to be told whether its version differs.
type answer struct {
	version string
	add     func(mismatch bool)
}

func newMuster(servers int) *muster {
	return &muster{pending: servers, servers: make(map[string]int)}
}

// answered takes the version of a server; add is called once, now or later.
func (m *muster) answered(version string, add func(mismatch bool)) {
	m.mu.Lock()
	m.pending--
	m.servers[version]++
	m.lead = max(m.lead, m.servers[version])
	m.waiting = append(m.waiting, answer{version, add})
	m.release()
}

// failed takes note of a server whose version is not known in this round.
func (m *muster) failed() {
	m.mu.Lock()
	m.pending--
	m.release()
}

// ended lets all points go: no more servers will answer.
func (m *muster) ended() {
	m.mu.Lock()
	m.pending = 0
	m.release()
}

// release lets go the points that need not wait any more, and unlocks.
func (m *muster) release() {
	m.decide()
	var released []answer
	if m.clear {
		released, m.waiting = m.waiting, nil
	}
	usual := m.usual
	m.mu.Unlock()

	for _, a := range released {
		a.add(a.version != usual)
	}
}

// decide finds out whether the version in the lead can still be caught up with. Where
// two are level in the end, none is the usual one and all servers differ: the block is
// out of step, and nothing says which half is wrong.
func (m *muster) decide() {
	if m.clear || m.lead <= m.pending && m.pending > 0 {
		return
	}
	leader, second := "", 0
	for version, servers := range m.servers {
		switch {
		case servers == m.lead && leader == "":
			leader = version
		default:
			second = max(second, servers)
		}
	}
	switch {
	case m.lead > second+m.pending:
		m.usual, m.clear = leader, true
	case m.pending == 0:
		m.clear = true
	}
}
