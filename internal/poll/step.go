package poll

// Step is a step of a poll, in the order in which to look for a problem.
type Step int

// The steps, in their order.
const (
	StepNone              Step = iota // nothing failed
	StepSettings                      // reading the certificate and token files
	StepResolve                       // finding the address of the name
	StepConnect                       // connecting to the port, through a proxy where there is one
	StepTLS                           // the TLS handshake, the server's certificate
	StepClientCertificate             // the server accepts the client
	StepHTTP                          // the request and the status of the reply
	StepReply                         // the reply itself
)

var stepNames = [...]string{
	StepSettings:          "settings",
	StepResolve:           "name resolution",
	StepConnect:           "connection",
	StepTLS:               "TLS",
	StepClientCertificate: "client certificate",
	StepHTTP:              "HTTP",
	StepReply:             "reply",
}

// String returns the name of the step, "" for StepNone.
func (s Step) String() string { return stepNames[s] }
