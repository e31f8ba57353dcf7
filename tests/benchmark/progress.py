"""Progress messages of the chain's benchmark, with the time since its start."""

import sys
import time

STARTED = time.monotonic()


def say(what: str) -> None:
    """Report progress."""
    minutes, seconds = divmod(int(time.monotonic() - STARTED), 60)
    print(f"bench-chain {minutes:02}:{seconds:02}: {what}", file=sys.stderr, flush=True)
