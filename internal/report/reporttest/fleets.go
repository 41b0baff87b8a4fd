package reporttest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
)

func certificate(name string, names ...string) *poll.Certificate {
	return &poll.Certificate{
		Subject: "CN=" + name, Names: names, Issuer: "CN=qlik-sense-simulator-CA",
		NotBefore: time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2031, time.January, 1, 0, 0, 0, 0, time.UTC),
	}
}

// Servers that fail, in the words of package poll.
func clientRefused(host string) Server {
	return Fails(host, poll.Outcome{
		Result: poll.TLSError, Step: poll.StepClientCertificate, CertificateExpiry: At.Add(24 * time.Hour),
		Cause: "remote error: tls: unknown certificate authority",
		Hint: "the server does not accept the client certificate in tls_cert: use client.pem of the server's own site " +
			"(each site has its own)",
		ServerCertificate: certificate(host, host), ClientCertificate: certificate("QlikClient"),
	})
}

func noSubjectAltName(host, name string) Server {
	return Fails(host, poll.Outcome{
		Result: poll.TLSError, Step: poll.StepTLS, CertificateExpiry: At.Add(24 * time.Hour),
		Cause:             "tls: failed to verify certificate: x509: cannot validate certificate for " + host + " because it doesn't contain any IP SANs",
		Hint:              `the certificate has no subjectAltName: set tls_verify = "chain" and tls_ca`,
		ServerCertificate: certificate(name),
	})
}

func unavailable(host string) Server {
	return Fails(host, poll.Outcome{
		Result: poll.StatusMismatch, Step: poll.StepHTTP, StatusCode: 503, CertificateExpiry: At.Add(24 * time.Hour),
		Cause: "the server answered with HTTP status 503 Service Unavailable",
		Hint:  "the server is up but its About service is not ready: it may be starting; look at the Qlik Sense services",
	})
}

// Mixed has a server of each kind, in three environments; polling the same fleet of simulated servers
// gives the same report.
func Mixed(t testing.TB) *report.Report {
	t.Helper()
	return Report(t,
		Environment{Name: "PROD", Change: AtLeast("May 2024 Patch 10"), Servers: []Server{
			Runs("127.41.1.1", "May 2025 Patch 15", "14.231.27"),
			Runs("127.41.1.2", "May 2025 Patch 15", "14.231.27"),
			Runs("127.41.1.3", "May 2025 Patch 3", "14.231.8").Differs(),
			Runs("127.41.1.4", "August 2023 Patch 1", "14.139.5").Differs(),
			clientRefused("127.41.1.5"),
		}},
		Environment{Name: "TEST", Servers: []Server{
			Runs("127.41.1.6", "November 2025", "14.254.6").Differs(),
			Runs("127.41.1.7", "November 2026", "14.290.4"),                // not judged
			Runs("127.41.1.8", "May 2024 Patch 10", "14.231.27").Differs(), // contradicts itself
			Replies("127.41.1.9", []byte(`{"version":"14.187.14"}`)).Differs(),
			noSubjectAltName("127.41.1.10", "qlik-test-5.example.com"),
		}},
		Environment{Name: "DEV", Servers: []Server{
			Runs("127.41.1.11", "May 2022 Patch 18", "14.67.34"), // no patch fixes everything
			unavailable("127.41.1.12"),
			Fails("127.41.1.13", poll.Outcome{
				Result: poll.InvalidResponse, Step: poll.StepReply, StatusCode: 200, CertificateExpiry: At.Add(24 * time.Hour),
				Cause: "the reply is a web page, not JSON", Hint: "it is likely a login page: check token_file or headers, and the path",
			}),
			Fails("127.41.2.1", poll.Outcome{
				Result: poll.ConnectionFailed, Step: poll.StepConnect, Cause: "dial tcp 127.41.2.1:9032: connect: connection refused",
				Hint: "nothing listens there: check the port (9032 unless a URL says otherwise), and that the Qlik Sense Service Dispatcher runs",
			}),
			Fails("qlik9.invalid", poll.Outcome{
				Result: poll.DNSError, Step: poll.StepResolve, Cause: "lookup qlik9.invalid: no such host",
				Hint: "check the spelling of the host and this machine's DNS",
			}),
		}},
	)
}

// Demonstration is the fleet that docs/check-and-plan.md shows.
func Demonstration(t testing.TB) *report.Report {
	t.Helper()
	name := func(environment string, n int) string { return fmt.Sprintf("qlik-%s-%d.example.com", environment, n) }
	r := Report(t,
		Environment{Name: "PROD", Change: AtLeast("May 2024 Patch 10"), Servers: []Server{
			Runs(name("prod", 1), "May 2025 Patch 15", "14.231.27"), Runs(name("prod", 2), "May 2025 Patch 15", "14.231.27"),
			Runs(name("prod", 3), "May 2025 Patch 3", "14.231.8").Differs(), Runs(name("prod", 4), "May 2024 Patch 9", "14.187.14").Differs(),
		}},
		Environment{Name: "TEST", Servers: []Server{
			Runs(name("test", 1), "November 2025", "14.254.6"), Runs(name("test", 2), "November 2025", "14.254.6"),
			Runs(name("test", 3), "August 2023 Patch 1", "14.139.5").Differs(), clientRefused(name("test", 4)),
		}},
		Environment{Name: "DEV", Servers: []Server{
			Runs(name("dev", 1), "May 2022 Patch 18", "14.67.34").Differs(), Replies(name("dev", 2), []byte(`{"version":"14.231.8"}`)),
			unavailable(name("dev", 3)),
		}},
	)
	r.Program = "telegraf-qlik-sense-version"
	return r
}

// Sites has three sites: one whose nodes are all known, one with a node from hosts only, and one
// without any known node.
func Sites(t testing.TB) *report.Report {
	t.Helper()
	current := func(host string) Server { return Runs(host, "May 2025 Patch 15", "14.231.27") }
	return Report(t,
		Environment{Name: "PROD", Site: Listed(3, "qlik1.example.com", "qlik2.example.com"), Servers: []Server{
			current("qlik1.example.com").IsNode("Central", "central", "engine", "proxy"),
			current("qlik2.example.com").IsNode("Rim 1", "engine"),
			Fails("qlik3.example.com", poll.Outcome{
				Result: poll.Timeout, Step: poll.StepConnect, Cause: "the TCP connection was not established in time", Hint: "check the firewalls",
			}).IsNode("Rim 2"),
		}},
		Environment{Name: "TEST", Site: Unlisted("qlik4.example.com"), Servers: []Server{current("qlik4.example.com")}},
		Environment{Name: "DEV", Site: Unlisted("qlik5.example.com", "qlik6.example.com")},
	)
}

// Large is a fleet of that many servers, 200 in an environment: of ten servers, one fails, one is
// unknown, and the others run patches of August 2023.
func Large(t testing.TB, servers int) *report.Report {
	t.Helper()
	var environments []Environment
	for i := range servers {
		if i%200 == 0 {
			environments = append(environments, Environment{Name: fmt.Sprintf("ENV-%d", i/200+1)})
		}
		host := fmt.Sprintf("qlik-%d.example.com", i+1)
		var s Server
		switch i % 10 {
		case 9:
			s = Fails(host, poll.Outcome{
				Result: poll.TLSError, Step: poll.StepTLS, Cause: "x509: certificate signed by unknown authority", Hint: "set tls_ca",
				ServerCertificate: certificate(host, host),
			})
		case 8:
			s = Runs(host, "Spring", "1.2")
		default:
			label := "August 2023"
			if patch := i % 17; patch > 0 {
				label = fmt.Sprintf("August 2023 Patch %d", patch)
			}
			s = Runs(host, label, "")
		}
		s.OutOfStep = i%2 == 1
		e := &environments[len(environments)-1]
		e.Servers = append(e.Servers, s)
	}
	return Report(t, environments...)
}

// Thirty is a fleet of thirty servers with long names in PROD, TEST and DEV, with many versions, as if
// nobody kept it up to date. Three of them do not answer.
func Thirty(t testing.TB) *report.Report {
	t.Helper()
	versions := [][2]string{
		{"May 2025 Patch 15", "14.231.27"}, {"May 2025 Patch 3", "14.231.8"}, {"May 2024 Patch 9", "14.187.14"}, {"August 2023 Patch 1", "14.139.5"},
		{"November 2025", "14.254.6"}, {"May 2022 Patch 18", "14.67.34"}, {"November 2024 Patch 22", "14.212.41"},
	}
	names := []string{"PROD", "TEST", "DEV"}
	environments := make([]Environment, 0, len(names))
	for e, name := range names {
		environment := Environment{Name: name, Change: AtLeast("May 2024 Patch 10")}
		for i := range 10 {
			host := fmt.Sprintf("qlik-%s-%02d.sense.emea.corp.example.com", strings.ToLower(name), i+1)
			version := versions[(i*(e+2)+e)%len(versions)]
			s := Runs(host, version[0], version[1])
			if i == 7 {
				s = Fails(host, poll.Outcome{
					Result: poll.Timeout, Step: poll.StepConnect, Cause: "the TCP connection was not established in time",
					Hint: "check that the server is up, and the firewalls on the way (port 9032)",
				})
			}
			s.OutOfStep = i%3 == 1
			environment.Servers = append(environment.Servers, s)
		}
		environments = append(environments, environment)
	}
	return Report(t, environments...)
}
