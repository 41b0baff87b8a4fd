//go:build unix

package qlik_sense_version

import "syscall"

func mkfifo(file string) error { return syscall.Mkfifo(file, 0o600) }
