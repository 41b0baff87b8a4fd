package stack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Process is a running program whose output is kept.
type Process struct {
	cmd  *exec.Cmd
	out  Output
	done chan struct{}
	err  error // of Wait, once done is closed
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
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return nil
}

// FindProgram gives the path of a program of the system, also of one that only its
// administrator has in the PATH.
func FindProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, folder := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if err == nil {
			break
		}
		if found, second := exec.LookPath(filepath.Join(folder, name)); second == nil {
			path, err = found, nil
		}
	}
	return path, err
}

// Output is everything that the program has written so far, standard output and
// standard error together.
func (p *Process) Output() string { return p.out.String() }

// Signal sends a signal to the program.
func (p *Process) Signal(signal os.Signal) error { return p.cmd.Process.Signal(signal) }

// PID is the program's process number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Child waits until the program runs another one and gives that one's process number. It knows
// Linux only.
func (p *Process) Child(timeout time.Duration) (int, error) {
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		stats, err := filepath.Glob("/proc/[0-9]*/stat")
		if err != nil {
			return 0, err
		}
		for _, stat := range stats {
			text, err := os.ReadFile(stat)
			if err != nil {
				continue // it has ended
			}
			// Behind the name in brackets: state, process number of the parent.
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
			return fmt.Errorf("%s ended (%w) before it wrote %q %d times:\n%s", p.cmd.Path, errors.Join(p.err), text, count, p.Output())
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s wrote %q %d times, not %d, in %s:\n%s", p.cmd.Path, text, found, count, timeout, p.Output())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Wait waits for the end of the program and gives its exit status.
func (p *Process) Wait(timeout time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(timeout):
		return 0, fmt.Errorf("%s still runs after %s:\n%s", p.cmd.Path, timeout, p.Output())
	}
}

// Stop ends the program as a service manager does and gives its exit status. A
// program that does not end in time is killed, and that is an error.
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

// Output is a buffer that may be read while it is written.
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
