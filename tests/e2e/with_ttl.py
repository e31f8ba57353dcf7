"""Run the function with another ttl for steady responses.

The environment variable STEADY_SECONDS sets the ttl. The released function has no such
option; this is for comparisons only.
"""

import os
import sys

from function import main
from function.composition import ttl

if __name__ == "__main__":
    if not hasattr(ttl, "STEADY_SECONDS"):
        sys.exit("function.composition.ttl has no STEADY_SECONDS")
    ttl.STEADY_SECONDS = int(os.environ["STEADY_SECONDS"])
    main.cli()
