package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// Fault is a fault of a server. The zero Fault is none.
type Fault string

// The faults, in the order of the steps of a poll: the connection, the handshake, the status,
// the body.
const (
	FaultDown               Fault = "down"
	FaultReset              Fault = "reset"
	FaultNoHandshake        Fault = "no-handshake"
	FaultPlainHTTP          Fault = "plain-http"
	FaultExpiredCertificate Fault = "expired-certificate"
	FaultNoSAN              Fault = "no-san"
	FaultForeignCA          Fault = "foreign-ca"
	FaultClientRefused      Fault = "client-refused"
	FaultRenegotiation      Fault = "renegotiation"
	FaultWarningFlood       Fault = "warning-flood"
	FaultDamagedRecord      Fault = "damaged-record"
	FaultNoAnswer           Fault = "no-answer"
	FaultHugeHeaders        Fault = "huge-headers"
	Fault204                Fault = "204"
	Fault302                Fault = "302"
	Fault401                Fault = "401"
	Fault403                Fault = "403"
	Fault500                Fault = "500"
	Fault503                Fault = "503"
	FaultHTML               Fault = "html"
	FaultOtherJSON          Fault = "other-json"
	FaultBadJSON            Fault = "bad-json"
	FaultBrokenOff          Fault = "broken-off"
	FaultSlowDrip           Fault = "slow-drip"
	FaultHuge               Fault = "huge"
)

// answer writes the reply of server s to request r.
type answer func(w http.ResponseWriter, r *http.Request, s *Server)

// faults describes each fault, and how it answers a request. The answer is nil if the fault is
// in the connection.
var faults = []struct {
	fault  Fault
	text   string
	answer answer
}{
	{FaultDown, "nothing listens: connection refused", nil},
	{FaultReset, "accepts the connection and resets it", nil},
	{FaultNoHandshake, "accepts the connection and never sends a byte", nil},
	{FaultPlainHTTP, "speaks HTTP without TLS", nil},
	{FaultExpiredCertificate, "server certificate that expired a day ago", nil},
	{FaultNoSAN, "server certificate with a common name but no subjectAltName", nil},
	{FaultForeignCA, "server certificate signed by the root of another site", nil},
	{FaultClientRefused, "trusts client certificates of another site only", nil},
	{FaultRenegotiation, "wants to renegotiate TLS in place of a reply", sendRecords(helloRequest, 1)},
	{FaultWarningFlood, "sends TLS warnings in place of a reply", sendRecords(warning, 32)},
	{FaultDamagedRecord, "reply that was damaged on the way, below TLS", nil},
	{FaultNoAnswer, "reads the request and never replies", noAnswer},
	{FaultHugeHeaders, "response headers without end", hugeHeaders},
	{Fault204, "status 204, no body", status(http.StatusNoContent, "")},
	{Fault302, "status 302 to a login page", redirect},
	{Fault401, "status 401", status(http.StatusUnauthorized, "Unauthorized")},
	{Fault403, "status 403, the proxy's answer without a session", status(http.StatusForbidden, "Forbidden")},
	{Fault500, "status 500, the proxy's answer to an unknown session",
		status(http.StatusInternalServerError, "Authentication error: Restart the browser.")},
	{Fault503, "status 503", status(http.StatusServiceUnavailable, "Service Unavailable")},
	{FaultHTML, "status 200 with a login page in HTML", loginPage},
	{FaultOtherJSON, "status 200 with JSON that is not systeminfo", body(`{"path":"/","items":[1,2,3]}`)},
	{FaultBadJSON, "status 200 with JSON that breaks off", body(`{"productName":"Qlik Sense","version":`)},
	{FaultBrokenOff, "closes the connection after half of the promised body", brokenOff},
	{FaultSlowDrip, "status 200, then a byte each 200 ms for ever", slowDrip},
	{FaultHuge, "status 200 with 4 GiB of valid JSON", huge},
}

// Faults lists all faults.
func Faults() []Fault {
	list := make([]Fault, 0, len(faults))
	for _, f := range faults {
		list = append(list, f.fault)
	}
	return list
}

// ParseFault returns the fault of that name. The empty name is no fault.
func ParseFault(name string) (Fault, error) {
	if fault := Fault(name); name == "" || fault.Explain() != "" {
		return fault, nil
	}
	known := make([]string, 0, len(faults))
	for _, fault := range Faults() {
		known = append(known, string(fault))
	}
	return "", fmt.Errorf("unknown fault %q, known are %s", name, strings.Join(known, ", "))
}

// Explain describes the fault in a few words, "" for no fault.
func (f Fault) Explain() string {
	text, _ := f.lookup()
	return text
}

// lookup returns the description, and the answer to a request: serveReply unless the fault
// has another.
func (f Fault) lookup() (text string, reply answer) {
	for _, known := range faults {
		if known.fault == f {
			text, reply = known.text, known.answer
		}
	}
	if reply == nil {
		reply = serveReply
	}
	return text, reply
}
