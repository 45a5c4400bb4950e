// Package internet is as much of the internet as the functions of a local run
// may reach: a directory. What a function asks for at https://<host>/<path> is
// the file <directory>/<host>/<path>, read anew at each request; of any other
// host the function is told 403, and the log which host it was.
//
// It is an HTTPS proxy on 127.0.0.1, so the functions' own code is unchanged and
// runs its real path: it resolves nothing, opens a tunnel (CONNECT), speaks TLS
// with the host and checks its certificate. The certificate is issued by an
// authority of this machine, <directory>/ca.pem with the key ca-key.pem, both
// made when absent, ECDSA P-256 with the key in PKCS #8. Whoever plays a server
// may issue other certificates by it, such as one that signs notifications.
// [Internet.Environment] is what makes a process use all this; only a process
// that gets it trusts the authority.
//
// Only GET and HEAD are answered, only on port 443, and only for names: an
// address in place of a name is refused.
//
// Go programs on Linux and other Unix systems read SSL_CERT_FILE. Those on macOS
// and Windows ask the system instead, and do not trust the authority.
//
// The command local and the sender of test notifications are its callers.
package internet
