package stack

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// InfluxDB is a running InfluxDB 1.8.
type InfluxDB struct {
	*Process
	URL string

	program, config string
}

// Series is a series of an InfluxQL result: the rows of one measurement and, if the query
// groups by tags, of one set of them.
type Series struct {
	Name    string            `json:"name"`
	Tags    map[string]string `json:"tags"`
	Columns []string          `json:"columns"`
	Values  [][]any           `json:"values"`
}

// Ten seconds after the last write to a shard its log is written to files, not after ten minutes,
// and idle shards are compacted at once, not after four hours.
const influxConfig = `reporting-disabled = true
bind-address = "127.0.0.1:%d"
[meta]
  dir = %q
[data]
  dir = %q
  wal-dir = %q
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "10s"
  compact-full-write-cold-duration = "1s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:%d"
  log-enabled = false
`

// StartInfluxDB starts an InfluxDB on free ports of this machine, with its data in
// dir, and waits until it answers.
func StartInfluxDB(program, dir string) (*InfluxDB, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "influxdb.conf")
	text := fmt.Sprintf(influxConfig, ports[0], filepath.Join(dir, "meta"), filepath.Join(dir, "data"), filepath.Join(dir, "wal"), ports[1])
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	db := &InfluxDB{URL: fmt.Sprintf("http://127.0.0.1:%d", ports[1]), program: program, config: config}
	return db, db.StartAgain()
}

// StartAgain starts an InfluxDB that was stopped, with the same data and URL, and waits
// until it answers.
func (db *InfluxDB) StartAgain() error {
	process, err := startServer(db.program, []string{"-config", db.config}, answers(db.URL+"/ping"))
	db.Process = process
	return err
}

// Query runs one InfluxQL statement. Numbers in the rows are json.Number, times are
// RFC 3339 with nanoseconds.
func (db *InfluxDB) Query(database, statement string) ([]Series, error) {
	response, err := http.PostForm(db.URL+"/query", url.Values{"db": {database}, "q": {statement}})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Error   string
		Results []struct {
			Error  string
			Series []Series
		}
	}
	decoder := json.NewDecoder(response.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", statement, err)
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", statement, answer.Error)
	}
	if len(answer.Results) != 1 || answer.Results[0].Error != "" {
		return nil, fmt.Errorf("%s: %+v", statement, answer.Results)
	}
	return answer.Results[0].Series, nil
}

// Await repeats a statement until its result satisfies the condition. A database or
// measurement that does not exist yet gives a result without rows.
func (db *InfluxDB) Await(database, statement string, timeout time.Duration, condition func([]Series) bool) ([]Series, error) {
	deadline := time.Now().Add(timeout)
	for {
		series, err := db.Query(database, statement)
		if err != nil && !strings.Contains(err.Error(), "database not found") {
			return nil, err
		}
		if condition(series) {
			return series, nil
		}
		if time.Now().After(deadline) {
			return series, fmt.Errorf("%s: not in %s; last answer: %v", statement, timeout, series)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		// Not closed before the last one is found, so that they differ.
		defer listener.Close() //nolint:errcheck // only its port was needed
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
