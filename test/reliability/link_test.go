//go:build linux

package reliability

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// namespace is a network namespace with its own resolv.conf. It ends with this process, even if that is
// killed.
type namespace struct {
	*rig.Rig
	holder     int    // ID of the process that keeps the namespace
	resolvConf string // the file that is mounted as /etc/resolv.conf
}

func newNamespace(r *rig.Rig) *namespace {
	r.Helper()
	n := &namespace{Rig: r, resolvConf: filepath.Join(r.TempDir(), "resolv.conf")}
	require.NoError(r, os.WriteFile(n.resolvConf, nil, 0o644))
	n.holder = r.Unshare("mount --bind \"$1\" /etc/resolv.conf\nip link set lo up", n.resolvConf,
		"cannot create a network namespace", "--net", "--mount", "--propagation", "private")
	return n
}

// command wraps a command to run in the namespace.
func (n *namespace) command(args ...string) []string {
	proc := fmt.Sprintf("/proc/%d/ns/", n.holder)
	return append([]string{"nsenter", "--net=" + proc + "net", "--mount=" + proc + "mnt", "--"}, args...)
}

// ip runs the command ip in the namespace.
func (n *namespace) ip(args string) {
	n.Helper()
	command := n.command(append([]string{"ip"}, strings.Fields(args)...)...)
	output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	require.NoError(n, err, "ip %s: %s", args, output)
}

// within runs f on a thread in the namespace, so that sockets opened by f belong to it.
func (n *namespace) within(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		net, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", n.holder))
		if err == nil {
			defer net.Close()
			err = unix.Setns(int(net.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		result <- err
	}()
	return <-result
}

// linkEnd creates a TUN device and returns the file through which packets are read and written.
func (n *namespace) linkEnd() (file *os.File) {
	n.Helper()
	err := n.within(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		device, err := unix.NewIfreq("wire")
		if err != nil {
			return err
		}
		device.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, device); err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), "wire")
		return nil
	})
	if err != nil {
		n.Skipf("cannot create a network device (/dev/net/tun): %v", err)
	}
	n.Cleanup(func() { file.Close() })
	return file
}

// conditions are the impairments of a link. The zero value has none.
type conditions struct {
	lost  func(packet []byte) bool // whether to drop a packet; nil drops none
	delay time.Duration            // each way
}

// link connects two namespaces. Packets pass through this process, which drops and delays them, because
// not every kernel has netem.
type link struct {
	conditions atomic.Pointer[conditions]
	sent       atomic.Int64 // packets, dropped or not
}

func (l *link) set(c conditions) { l.conditions.Store(&c) }

// forward forwards packets from one end to the other until from is closed.
func (l *link) forward(from, to *os.File) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		packet := bytes.Clone(buffer[:n])
		current := l.conditions.Load()
		l.sent.Add(1)
		switch {
		case current.lost != nil && current.lost(packet):
		case current.delay == 0:
			to.Write(packet) // fails while the other end is down
		default:
			time.AfterFunc(current.delay, func() { to.Write(packet) })
		}
	}
}

// Addresses of the two ends. The remote end has more, one per server.
const (
	localAddr   = "10.77.0.1"
	remoteAddr  = "10.77.0.2"
	localAddr6  = "2001:db8:77::1"
	remoteAddr6 = "2001:db8:77::2"
)

// newLink creates two namespaces, one for the plugin and one for servers, and a link between them.
func newLink(r *rig.Rig) (l *link, program, servers *namespace) {
	r.Helper()
	if os.Geteuid() != 0 {
		r.Skip("needs root to create networks")
	}
	for _, name := range []string{"ip", "unshare", "nsenter"} {
		if _, err := stack.FindProgram(name); err != nil {
			r.Skipf("needs the program %s: apt-get install --no-install-recommends iproute2 util-linux", name)
		}
	}
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		r.Skip("needs IPv6")
	}
	l, program, servers = &link{}, newNamespace(r), newNamespace(r)
	l.set(conditions{})
	left, right := program.linkEnd(), servers.linkEnd()
	program.ip("addr add " + localAddr + "/24 dev wire")
	program.ip("addr add " + localAddr6 + "/64 dev wire nodad")
	servers.ip("addr add " + remoteAddr + "/24 dev wire")
	servers.ip("addr add " + remoteAddr6 + "/64 dev wire nodad")
	program.ip("link set wire up")
	servers.ip("link set wire up")
	go l.forward(left, right)
	go l.forward(right, left)
	return l, program, servers
}
