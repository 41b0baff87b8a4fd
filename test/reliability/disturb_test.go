//go:build linux

package reliability

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// disturbance is a failure or change around the plugin.
type disturbance struct {
	name    string
	disturb func()
}

// disturbances returns those that restart the plugin, and those that it must survive.
func (s *soak) disturbances() (restarts, faults []disturbance) {
	restarts = []disturbance{
		{"the program is killed", func() { s.signal(syscall.SIGKILL) }},
		{"the program is terminated", func() { s.signal(syscall.SIGTERM) }},
		{"Telegraf reloads", s.reload},
	}
	faults = []disturbance{
		{"servers fail or recover", s.changeFaults},
		{"almost all servers fail", s.failAlmostAll},
		{"servers are upgraded", s.upgrade},
		{"the program is paused for three seconds", func() { s.pause(s.pluginPID(), 3*time.Second) }},
		{"InfluxDB is paused for five seconds", func() { s.pause(s.DB.PID(), 5*time.Second) }},
		{"Telegraf is paused for five seconds", func() { s.pause(s.telegraf.PID(), 5*time.Second) }},
		{"InfluxDB restarts", s.restartInfluxDB},
		{"a certificate is missing", s.removeCertificate},
		{"the catalogue is truncated", s.truncateCatalog},
	}
	return restarts, faults
}

func (s *soak) pluginPID() int {
	pid, err := s.telegraf.Child(rig.Patience)
	require.NoError(s, err)
	return pid
}

func (s *soak) signal(signal syscall.Signal) {
	if err := syscall.Kill(s.pluginPID(), signal); err != nil {
		require.ErrorIs(s, err, syscall.ESRCH)
	}
}

func (s *soak) reload() {
	before := strings.Count(s.telegraf.Output(), "Starting process")
	require.NoError(s, s.telegraf.Signal(syscall.SIGHUP))
	require.NoError(s, s.telegraf.Await("Starting process", before+1, rig.Patience))
}

// pause stops a process for a while, as when a machine swaps or a virtual machine is migrated.
func (s *soak) pause(pid int, length time.Duration) {
	require.NoError(s, syscall.Kill(pid, syscall.SIGSTOP))
	time.Sleep(length)
	require.NoError(s, syscall.Kill(pid, syscall.SIGCONT))
}

func (s *soak) set(i int, server simulator.Server) {
	require.NoError(s, s.fleet.Set(i, server))
	s.servers[i] = server
}

// changeFaults gives some servers another fault or, as likely, none.
func (s *soak) changeFaults() {
	faults := append(simulator.Faults(), make([]simulator.Fault, len(simulator.Faults()))...)
	for range 1 + s.random.IntN(5) {
		i := s.random.IntN(len(s.servers))
		server := s.servers[i]
		server.Fault = faults[s.random.IntN(len(faults))]
		s.set(i, server)
	}
}

// failAlmostAll gives all but three servers the same fault, as in an outage, for a round.
func (s *soak) failAlmostAll() {
	before := append([]simulator.Server(nil), s.servers...)
	faults := simulator.Faults()
	fault := faults[s.random.IntN(len(faults))]
	for i := range len(s.servers) - 3 {
		server := s.servers[i]
		server.Fault = fault
		s.set(i, server)
	}
	s.requireRound(time.Now())
	for i, server := range before {
		s.set(i, server)
	}
}

func (s *soak) upgrade() {
	for range 1 + s.random.IntN(5) {
		i := s.random.IntN(len(s.servers))
		server := s.servers[i]
		patch := s.random.IntN(20)
		server.Reply = simulator.Reply(fmt.Sprintf("May 2025 Patch %d", patch), fmt.Sprintf("14.231.%d", 5+patch))
		s.set(i, server)
	}
}

func (s *soak) restartInfluxDB() {
	_, err := s.DB.Stop(rig.Patience)
	require.NoError(s, err)
	time.Sleep(3 * time.Second)
	require.NoError(s, s.DB.StartAgain())
}

func (s *soak) removeCertificate() {
	root := filepath.Join(s.dir, "root.pem")
	require.NoError(s, os.Rename(root, root+".away"))
	s.Points(1, fmt.Sprintf("result = 'configuration_error' AND time > %d", time.Now().UnixNano()))
	require.NoError(s, os.Rename(root+".away", root))
}

func (s *soak) truncateCatalog() {
	intact := s.Read(filepath.Join(s.dir, "catalog.toml"))
	s.writeCatalog(intact[:s.random.IntN(len(intact)-1)])
	s.requireRound(time.Now())
	s.writeCatalog(intact)
}

// writeCatalog replaces the catalogue by renaming, as "catalog update" does.
func (s *soak) writeCatalog(text string) {
	file := filepath.Join(s.dir, "catalog.toml")
	require.NoError(s, os.WriteFile(file+".new", []byte(text), 0o600))
	require.NoError(s, os.Rename(file+".new", file))
}
