package poll

import "fmt"

// Result is how the poll of a server ended. 0 to 6 are numbered as in Telegraf's
// inputs.http_response; its 1, a reply that does not match a text, does not exist here.
type Result int

// The ways a poll can end.
const (
	Success              Result = 0
	BodyReadError        Result = 2  // the reply broke off or was too large
	ConnectionFailed     Result = 3  // refused, reset, unreachable
	Timeout              Result = 4  // at whichever step
	DNSError             Result = 5  // the name could not be resolved
	StatusMismatch       Result = 6  // a status other than 200, 401, 403 or a redirect
	TLSError             Result = 7  // one side does not accept the other's certificate or protocol
	AuthenticationFailed Result = 8  // 401, 403, or a redirect to a login page
	InvalidResponse      Result = 9  // not the JSON that systeminfo sends
	ConfigurationError   Result = 10 // a certificate or token file could not be read in this round
)

// String returns the value of the field "result". A number that is no Result gives
// "unknown_result_" and the number.
func (r Result) String() string {
	switch r {
	case Success:
		return "success"
	case BodyReadError:
		return "body_read_error"
	case ConnectionFailed:
		return "connection_failed"
	case Timeout:
		return "timeout"
	case DNSError:
		return "dns_error"
	case StatusMismatch:
		return "response_status_code_mismatch"
	case TLSError:
		return "tls_error"
	case AuthenticationFailed:
		return "authentication_failed"
	case InvalidResponse:
		return "invalid_response"
	case ConfigurationError:
		return "configuration_error"
	}
	return fmt.Sprintf("unknown_result_%d", int(r))
}
