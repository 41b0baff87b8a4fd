package qlik_sense_version

import (
	"errors"
	"fmt"
	"slices"

	"telegraf-qlik-sense-version/internal/poll"
)

// server is a configured server and what is remembered of it between rounds.
type server struct {
	*poll.Server
	running  string // the version that it answered last, "" before the first answer
	remark   string // what was said of that version by the judge
	failures int    // polls that failed since then
}

func (q *QlikSenseVersion) initServers() error {
	if len(q.Hosts) == 0 {
		return &poll.SettingError{Key: "hosts", Err: errors.New(`name at least one server, for example hosts = ["qlik1.example.com"]`)}
	}

	var errs []error
	q.servers = make([]*server, 0, len(q.Hosts))
	seen := make(map[string]string, len(q.Hosts))
	for _, host := range q.Hosts {
		target, err := poll.ParseServer(host)
		if err != nil {
			errs = append(errs, &poll.SettingError{Key: "hosts", Err: err})
			continue
		}
		key := target.Key()
		if other, found := seen[key]; found {
			errs = append(errs, &poll.SettingError{Key: "hosts", Err: fmt.Errorf(
				"%q and %q are the same server: their points would overwrite each other; remove one, or move it to a block with other tags",
				other, target)})
			continue
		}
		seen[key] = target.String()
		q.servers = append(q.servers, &server{Server: target})
	}
	return errors.Join(errs...)
}

// Servers gives the servers that are asked, in the order of hosts. They are known
// after Init.
func (q *QlikSenseVersion) Servers() []*poll.Server {
	servers := make([]*poll.Server, len(q.servers))
	for i, s := range q.servers {
		servers[i] = s.Server
	}
	return servers
}

// Keep leaves out the servers that keep does not hold for.
func (q *QlikSenseVersion) Keep(keep func(*poll.Server) bool) {
	q.servers = slices.DeleteFunc(q.servers, func(s *server) bool { return !keep(s.Server) })
}
