"""The function as it is, but for how long a settled answer stays good.

STEADY_SECONDS in its environment says how long. For comparisons: what is released has
no such option.
"""

import os
import sys

from function import main
from function.composition import ttl as freshness

if __name__ == "__main__":
    if not hasattr(freshness, "SETTLED_SECONDS"):
        sys.exit("function.composition.ttl has no SETTLED_SECONDS")
    freshness.SETTLED_SECONDS = int(os.environ["SETTLED_SECONDS"])
    main.cli()
