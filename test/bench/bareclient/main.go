// Command bareclient polls /v1/systeminfo of servers with only Go's HTTP client and bounded
// concurrency, as a baseline for the benchmarks. For each newline on standard input it makes a round
// and prints a line for each server.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	workers = 64
	maxBody = 1 << 20 // bytes
)

// Arguments: the folder with the site's certificates, the timeout of a request, the servers.
func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(site, timeoutText string, hosts []string) error {
	timeout, err := time.ParseDuration(timeoutText)
	if err != nil {
		return err
	}
	root, err := os.ReadFile(filepath.Join(site, "root.pem"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		return errors.New("root.pem contains no certificate")
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(site, "client.pem"), filepath.Join(site, "client_key.pem"))
	if err != nil {
		return err
	}
	client := &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true,
		},
	}
	for rounds := bufio.NewScanner(os.Stdin); rounds.Scan(); {
		round(client, hosts)
	}
	return nil
}

func round(client *http.Client, hosts []string) {
	queue := make(chan string)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for host := range queue {
				version, err := poll(client, host)
				fmt.Println(host, version, err)
			}
		})
	}
	for _, host := range hosts {
		queue <- host
	}
	close(queue)
	group.Wait()
}

func poll(client *http.Client, host string) (version string, err error) {
	response, err := client.Get("https://" + host + ":9032/v1/systeminfo")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return "", err
	}
	var info struct{ Version string }
	err = json.Unmarshal(body, &info)
	return info.Version, err
}
