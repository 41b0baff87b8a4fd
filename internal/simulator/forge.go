package simulator

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Records that crypto/tls cannot send, for faults of TLS.
var (
	helloRequest = record{kind: 22, content: []byte{0, 0, 0, 0}} // RFC 5246, 7.4.1.1
	warning      = record{kind: 21, content: []byte{1, 90}}      // user_canceled, RFC 5246, 7.2
)

type record struct {
	kind    byte
	content []byte
}

// restrictTLS restricts TLS to the version and the cipher suite of sealer.
func restrictTLS(settings *tls.Config) {
	settings.MaxVersion = tls.VersionTLS12
	settings.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
}

// sendRecords answers with n records in place of a reply.
func sendRecords(r record, n int) answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *Server) {
		secure, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer secure.Close()
		c, ok := secure.(*tls.Conn).NetConn().(*conn)
		if !ok {
			return
		}
		seal, err := c.handshake.sealer()
		if err != nil {
			panic(err) // restrictTLS excludes it
		}
		for i := range n {
			// The handshake sent one record with these keys, Finished.
			if _, err := c.Conn.Write(seal(uint64(1+i), r)); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, c.Conn) // until the client gives up
	}
}

// handshake records what is needed to derive the keys. It is an io.Writer for
// tls.Config.KeyLogWriter.
type handshake struct {
	serverHello []byte
	keyLog      []byte
}

func (h *handshake) Write(line []byte) (int, error) {
	h.keyLog = append(h.keyLog, line...)
	return len(line), nil
}

// sealer returns a function that encrypts records of the server with TLS 1.2 and AES_128_GCM
// (RFC 5246, 6.3; RFC 5288, 3).
func (h *handshake) sealer() (func(sequence uint64, r record) []byte, error) {
	var clientRandom, master []byte
	if _, err := fmt.Fscanf(bytes.NewReader(h.keyLog), "CLIENT_RANDOM %x %x", &clientRandom, &master); err != nil {
		return nil, fmt.Errorf("reading the key log %s: %w", hex.EncodeToString(h.keyLog), err)
	}
	const header, random = 5 + 4 + 2, 32
	if len(h.serverHello) < header+random {
		return nil, errors.New("no ServerHello was seen")
	}
	seed := append([]byte("key expansion"), h.serverHello[header:header+random]...)
	keys := prf(master, append(seed, clientRandom...), 2*16+2*4)
	block, err := aes.NewCipher(keys[16:32])
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}

	return func(sequence uint64, r record) []byte {
		explicit := binary.BigEndian.AppendUint64(nil, sequence)
		nonce := append(bytes.Clone(keys[36:40]), explicit...)
		length := len(r.content)
		additional := append(bytes.Clone(explicit), r.kind, 3, 3, byte(length>>8), byte(length))
		length += len(explicit) + gcm.Overhead()
		sealed := append([]byte{r.kind, 3, 3, byte(length >> 8), byte(length)}, explicit...)
		return gcm.Seal(sealed, nonce, r.content, additional)
	}, nil
}

// prf is P_SHA256 of RFC 5246, 5.
func prf(secret, seed []byte, size int) []byte {
	sum := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < size; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:size]
}
