package stack

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Mosquitto is an MQTT broker that can be stopped and started again.
type Mosquitto struct {
	*Process
	Address string // host and port

	program, config string
}

const mosquittoConfig = `listener %d 127.0.0.1
user root
persistence true
persistence_location %s/
log_dest stderr
`

// StartMosquitto starts a broker on a free port of this machine. It stores sessions and
// messages in dir, so that they survive a restart. options are further lines of its
// configuration.
func StartMosquitto(program, dir, options string) (*Mosquitto, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	m := &Mosquitto{
		Address: fmt.Sprintf("127.0.0.1:%d", ports[0]),
		program: program,
		config:  filepath.Join(dir, "mosquitto.conf"),
	}
	text := fmt.Sprintf(mosquittoConfig, ports[0], dir) + options
	if err := os.WriteFile(m.config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return m, m.StartAgain()
}

// StartAgain starts the broker after it was stopped, and waits until it listens.
func (m *Mosquitto) StartAgain() error {
	process, err := startServer(m.program, []string{"-c", m.config}, func() bool {
		connection, err := net.Dial("tcp", m.Address)
		return err == nil && connection.Close() == nil
	})
	m.Process = process
	return err
}
