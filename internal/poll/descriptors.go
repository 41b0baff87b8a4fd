package poll

import (
	"bytes"
	"errors"
	"net"
	"os"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/boundedfile"
)

const descriptorHint = "raise the limit (LimitNOFILE= of Telegraf's systemd service, or ulimit -n), or lower max_concurrent_requests"

// outOfDescriptors reports whether the cause of err is a lack of file descriptors.
func outOfDescriptors(err error) bool {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	if !isDNS {
		return isAny(err, noDescriptor)
	}
	// A DNSError has only the text of its cause, and a resolver that cannot open /etc/hosts
	// reports that there is no such host.
	for _, number := range noDescriptor {
		if strings.Contains(dns.Err, number.Error()) {
			return true
		}
	}
	f, err := os.Open(os.DevNull)
	if err == nil {
		f.Close()
	}
	return isAny(err, noDescriptor) || resolverFellBack(dns)
}

func isAny(err error, targets []error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// resolverFellBack reports whether the name was looked up at this machine although
// resolv.conf names other servers. Go's resolver does that for 5 seconds after it could not
// open the file.
func resolverFellBack(dns *net.DNSError) bool {
	content, err := boundedfile.Read("/etc/resolv.conf", 1<<20)
	return err == nil && namesOthers(content, dns.Server)
}

func namesOthers(resolvConf []byte, server string) bool {
	if server != "127.0.0.1:53" && server != "[::1]:53" {
		return false
	}
	named := false
	for line := range bytes.Lines(resolvConf) {
		if fields := bytes.Fields(line); len(fields) > 1 && string(fields[0]) == "nameserver" {
			if net.JoinHostPort(string(fields[1]), "53") == server {
				return false
			}
			named = true
		}
	}
	return named
}
