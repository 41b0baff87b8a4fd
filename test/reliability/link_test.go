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

// namespace is a network of its own, with a resolv.conf of its own. It ends with this process,
// however that ends.
type namespace struct {
	*rig.Rig
	holder     int    // process number of what keeps it
	resolvConf string // the file to write for it
}

func newNamespace(r *rig.Rig) *namespace {
	r.Helper()
	n := &namespace{Rig: r, resolvConf: filepath.Join(r.TempDir(), "resolv.conf")}
	require.NoError(r, os.WriteFile(n.resolvConf, nil, 0o644))
	n.holder = r.Unshare("mount --bind \"$1\" /etc/resolv.conf\nip link set lo up", n.resolvConf,
		"not run, for this machine lets the test make no network of its own", "--net", "--mount", "--propagation", "private")
	return n
}

// command is a command that runs in the namespace.
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

// within runs f on a thread that is in the namespace: sockets that f opens are there.
func (n *namespace) within(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
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

// wireEnd makes a network device whose packets come out of a file, and the reverse.
func (n *namespace) wireEnd() (file *os.File) {
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
		n.Skipf("not run, for this machine lets the test make no network device (/dev/net/tun): %v", err)
	}
	n.Cleanup(func() { file.Close() })
	return file
}

// weather is what happens to packets on their way. The zero weather is fair.
type weather struct {
	lost  func(packet []byte) bool // nil: none
	delay time.Duration            // each way
}

// wire joins two namespaces. Packets go through this process, which loses and delays them:
// not every kernel can do so itself.
type wire struct {
	now  atomic.Pointer[weather]
	sent atomic.Int64 // packets, lost or not
}

func (w *wire) set(now weather) { w.now.Store(&now) }

// join lets packets go from one end to the other, until from is closed.
func (w *wire) join(from, to *os.File) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		packet := bytes.Clone(buffer[:n])
		now := w.now.Load()
		w.sent.Add(1)
		switch {
		case now.lost != nil && now.lost(packet):
		case now.delay == 0:
			to.Write(packet) // in vain while the other end is down
		default:
			time.AfterFunc(now.delay, func() { to.Write(packet) })
		}
	}
}

// Addresses of the two ends. The servers have more.
const (
	here   = "10.77.0.1"
	there  = "10.77.0.2"
	here6  = "2001:db8:77::1"
	there6 = "2001:db8:77::2"
)

// newWire makes two namespaces, one for the program and one for servers, and the wire
// between them.
func newWire(r *rig.Rig) (w *wire, program, servers *namespace) {
	r.Helper()
	if os.Geteuid() != 0 {
		r.Skip("not run, for only root may make networks")
	}
	for _, name := range []string{"ip", "unshare", "nsenter"} {
		if _, err := stack.FindProgram(name); err != nil {
			r.Skipf("not run, for the program %s is not there: apt-get install --no-install-recommends iproute2 util-linux", name)
		}
	}
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		r.Skip("not run, for this machine has no IPv6")
	}
	w, program, servers = &wire{}, newNamespace(r), newNamespace(r)
	w.set(weather{})
	left, right := program.wireEnd(), servers.wireEnd()
	program.ip("addr add " + here + "/24 dev wire")
	program.ip("addr add " + here6 + "/64 dev wire nodad")
	servers.ip("addr add " + there + "/24 dev wire")
	servers.ip("addr add " + there6 + "/64 dev wire nodad")
	program.ip("link set wire up")
	servers.ip("link set wire up")
	go w.join(left, right)
	go w.join(right, left)
	return w, program, servers
}
