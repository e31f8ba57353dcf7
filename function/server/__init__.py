"""The gRPC server, its metrics and its probes."""
