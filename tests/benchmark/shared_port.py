"""`function-ecr-repos serve`, but on a port that other processes share: a trial.

    shared_port.py HOST:PORT METRICS_HOST:PORT

It is not offered: the kernel gives a connection to one of the processes, and Crossplane
has one connection.
"""

import functools
import sys

import grpc

from function.main import cli


def main() -> None:
    """Serve until killed."""
    alone = grpc.aio.server

    @functools.wraps(alone)
    def shared(*, options: list[tuple[str, int]]) -> grpc.aio.Server:
        return alone(options=list({**dict(options), "grpc.so_reuseport": 1}.items()))

    grpc.aio.server = shared
    address, metrics = sys.argv[1:]
    cli(
        [
            *("serve", "--insecure", f"--address={address}"),
            f"--metrics-address={metrics}",
        ]
    )


if __name__ == "__main__":
    main()
