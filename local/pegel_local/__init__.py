"""One machine: launcher, backends and services of a local system. Every service is a process with an address."""
