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

// String returns the name of the step.
func (s Step) String() string {
	switch s {
	case StepSettings:
		return "settings"
	case StepResolve:
		return "name resolution"
	case StepConnect:
		return "connection"
	case StepTLS:
		return "TLS"
	case StepClientCertificate:
		return "client certificate"
	case StepHTTP:
		return "HTTP"
	case StepReply:
		return "reply"
	case StepNone:
	}
	return ""
}
