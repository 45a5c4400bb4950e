// Command images builds the functions' container images, as the cloud assembly's assets name
// them, and checks what Lambda gets: the platform, the size, that the binary is static, that
// the image holds it and the CA certificates and nothing else, that two builds are the same
// bytes, and that the arm64 binary answers an event over the Runtime API, under qemu-user
// where this machine is another. It writes a software bill of materials (CycloneDX) beside each.
//
// It uses docker or podman. Where neither works, or the base image cannot be had, it
// cross-compiles with the flags of the Dockerfile instead and checks the binaries; what only
// an image shows is named as not checked. With --engine required it fails, with --engine
// only it does nothing without an engine and says why.
//
// Exit status: 0 every check passed, 1 one failed or an error, 2 wrong usage.
package main
