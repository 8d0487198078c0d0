package logstash

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// plainSchemes are the schemes without TLS that have one with it.
const plainSchemes = "beats://, tcp:// or http://"

// explain adds to the error of a handshake what can be done about it.
func (t *tlsFiles) explain(err error) error {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		advice  string
	)
	switch {
	case errors.As(err, &unknown) && t.caFile != "":
		advice = fmt.Sprintf("want a certificate signed by an authority in CAFile %q", t.caFile)
	case errors.As(err, &unknown):
		advice = "want the certificate of its authority in DialOptions.CAFile"
	case errors.As(err, &name):
		advice = "want one of its names in the address, or in DialOptions.TLS.ServerName"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		advice = "want a new certificate there, or the right time here"
	case errors.As(err, &record):
		advice = "the receiver speaks no TLS on this port: want " + plainSchemes + ", or TLS there"
	case errors.Is(err, context.DeadlineExceeded):
		advice = "no answer in time: the receiver may speak no TLS on this port, or be overloaded"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.ErrClosedPipe), errors.Is(err, io.ErrUnexpectedEOF):
		advice = "closed by the receiver: it may speak no TLS on this port, which wants " + plainSchemes
	default:
		return fmt.Errorf("TLS handshake: %w", t.explainAlert(err))
	}
	return fmt.Errorf("TLS handshake: %w (%s)", err, advice)
}

// explainAlert adds to the alert of a peer what can be done about it. It leaves
// other errors alone.
func (t *tlsFiles) explainAlert(err error) error {
	var remote *net.OpError
	if !errors.As(err, &remote) || remote.Op != "remote error" {
		return err
	}
	advice := ""
	switch alert := strings.TrimPrefix(remote.Err.Error(), "tls: "); alert {
	case "certificate required", "bad certificate", "handshake failure",
		"unknown certificate authority", "unknown certificate", "unsupported certificate",
		"expired certificate", "revoked certificate", "access denied":
		advice = t.certificateAdvice(alert)
	case "protocol version not supported":
		advice = "the receiver has no version from DialOptions.TLS.MinVersion to MaxVersion; the least is TLS 1.2"
	case "unrecognized name":
		advice = "the receiver has another name: want it in the address, or in DialOptions.TLS.ServerName"
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, advice)
}

// certificateAdvice says what may be wrong about the client's certificate.
func (t *tlsFiles) certificateAdvice(alert string) string {
	switch {
	case t.certFile == "" && !hasCertificate(t.base):
		return "the receiver may want a client certificate: DialOptions.CertFile and KeyFile"
	case alert == "handshake failure":
		return ""
	case t.certFile == "":
		return "the receiver does not accept the client certificate of DialOptions.TLS"
	default:
		return fmt.Sprintf("the receiver does not accept the client certificate of CertFile %q", t.certFile)
	}
}
