// Package egress is the stub for the functions' outbound HTTPS: it serves a directory
// in place of the internet. A request for https://<host>/<path> is answered with the
// file <directory>/<host>/<path>, read anew for each request. A request to any other
// host gets 403, and the log names the host.
//
// The stub is an HTTPS proxy on 127.0.0.1, so the functions' code runs unchanged: the
// client opens a tunnel (CONNECT), performs the TLS handshake with the host and checks
// its certificate. The certificate is issued by an authority of this machine,
// <directory>/ca.pem with the key ca-key.pem (ECDSA P-256, PKCS #8); both files are
// created when absent. Tests that stand in for a provider may issue further
// certificates with it, for example one that signs notifications.
// [Stub.Environment] returns the variables that make a process use the stub; only such
// a process trusts the authority.
//
// Supported are GET and HEAD, on port 443, for host names; addresses are rejected.
//
// Go programs on Linux and other Unix systems read SSL_CERT_FILE. Go programs on macOS
// and Windows use the system's trust store instead and do not trust the authority.
package egress
