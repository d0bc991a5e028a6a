"""One machine: launcher, backends and services of a local system. Every service is a process, reached by its door."""
