"""Reference implementation of the Causerie protocol: a core without I/O, two servers, clients."""
