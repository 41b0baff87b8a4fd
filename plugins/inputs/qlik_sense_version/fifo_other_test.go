//go:build !unix

package qlik_sense_version

import "errors"

func mkfifo(string) error { return errors.ErrUnsupported }
