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

// outOfDescriptors reports whether err came of having no file descriptor left.
func outOfDescriptors(err error) bool {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	if !isDNS {
		return isAny(err, noDescriptor)
	}
	// A DNSError holds the text of its cause alone, and a resolver that could not open
	// /etc/hosts says that there is no such host.
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
// resolv.conf names other servers: so does Go's resolver when it could not open the file,
// and it keeps to it for 5 seconds.
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
