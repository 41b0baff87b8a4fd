package stack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Process is a running program. Its output is kept.
type Process struct {
	cmd  *exec.Cmd
	out  Output
	done chan struct{}
}

// Start starts a program; env is added to this process's environment.
func Start(program string, args, env []string) (*Process, error) {
	p := prepare(program, args, env)
	return p, p.start()
}

// StartWithInput starts a program as Start does, with a pipe as its standard input.
func StartWithInput(program string, args, env []string) (*Process, io.WriteCloser, error) {
	p := prepare(program, args, env)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	return p, stdin, p.start()
}

func prepare(program string, args, env []string) *Process {
	p := &Process{cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	return p
}

func (p *Process) start() error {
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.cmd.Path, err)
	}
	go func() {
		p.cmd.Wait() //nolint:errcheck // the caller looks at the exit status
		close(p.done)
	}()
	return nil
}

// startServer starts a program and waits until ready returns true. If that takes too long,
// it kills the program.
func startServer(program string, args []string, ready func() bool) (*Process, error) {
	p, err := Start(program, args, nil)
	if err != nil {
		return nil, err
	}
	for range 600 {
		if ready() {
			return p, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("%s does not answer:\n%s", program, p.Output()), p.cmd.Process.Kill())
}

// answers reports whether a GET of url succeeds.
func answers(url string) (ready func() bool) {
	return func() bool {
		response, err := http.Get(url)
		return err == nil && response.Body.Close() == nil && response.StatusCode < 300
	}
}

// FindProgram returns the path of a program in the PATH or, like many of an administrator's
// programs, in a folder sbin.
func FindProgram(name string) (string, error) {
	for _, folder := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// Output is everything that the program has written so far to standard output and
// standard error.
func (p *Process) Output() string { return p.out.String() }

// Signal sends a signal to the program.
func (p *Process) Signal(signal os.Signal) error { return p.cmd.Process.Signal(signal) }

// PID is the program's process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Child waits until the program has a child process and returns its ID. It works on Linux
// only.
func (p *Process) Child(timeout time.Duration) (int, error) {
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		stats, err := filepath.Glob("/proc/[0-9]*/stat")
		if err != nil {
			return 0, err
		}
		for _, stat := range stats {
			text, err := os.ReadFile(stat)
			if err != nil {
				continue // the process has ended
			}
			// After the name in parentheses: state, process ID of the parent.
			fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
			if fields[0] != "Z" && fields[1] == strconv.Itoa(p.PID()) {
				return strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			}
		}
	}
	return 0, fmt.Errorf("%s runs no other program after %s:\n%s", p.cmd.Path, timeout, p.Output())
}

// Await waits until the output holds the text count times.
func (p *Process) Await(text string, count int, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		found := strings.Count(p.Output(), text)
		if found >= count {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%s) before it wrote %q %d times:\n%s", p.cmd.Path, p.cmd.ProcessState, text, count, p.Output())
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s wrote %q %d times, not %d, in %s:\n%s", p.cmd.Path, text, found, count, timeout, p.Output())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Wait waits for the end of the program and returns its exit status.
func (p *Process) Wait(timeout time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(timeout):
		return 0, fmt.Errorf("%s still runs after %s:\n%s", p.cmd.Path, timeout, p.Output())
	}
}

// Stop ends the program as a service manager does and returns its exit status. A
// program that does not end in time is killed, which is an error.
func (p *Process) Stop(timeout time.Duration) (int, error) {
	if err := p.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	status, err := p.Wait(timeout)
	if err != nil {
		return 0, errors.Join(err, p.cmd.Process.Kill())
	}
	return status, nil
}

// Output is a buffer that can be read while it is being written.
type Output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(b)
}

// String is what was written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}
