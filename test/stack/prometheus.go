package stack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
)

// Prometheus is a running Prometheus that scrapes one target five times a second.
type Prometheus struct {
	*Process
	URL string
}

// Sample is an element of an instant vector: the labels of a series and its value.
type Sample struct {
	Labels map[string]string
	Value  string
}

const prometheusConfig = `global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
scrape_configs:
  - job_name: qlik
    static_configs:
      - targets: [%q]
`

// StartPrometheus starts a Prometheus on a free port of this machine, with its data in
// dir, and waits until it answers. target is the host and port to scrape.
func StartPrometheus(program, dir, target string) (*Prometheus, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte(fmt.Sprintf(prometheusConfig, target)), 0o600); err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	p := &Prometheus{URL: "http://" + address}
	p.Process, err = startServer(program, []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address, "--log.level=warn",
	}, answers(p.URL+"/-/ready"))
	return p, err
}

// Query runs an instant query.
func (p *Prometheus) Query(expression string) ([]Sample, error) {
	response, err := http.PostForm(p.URL+"/api/v1/query", url.Values{"query": {expression}})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Value  []any
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", expression, err)
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", expression, answer.Error)
	}
	samples := make([]Sample, 0, len(answer.Data.Result))
	for _, one := range answer.Data.Result {
		samples = append(samples, Sample{Labels: one.Metric, Value: fmt.Sprint(one.Value[1])})
	}
	return samples, nil
}
