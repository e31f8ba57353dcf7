"""What an installation at rest asks: calls of the function for XRs that are Ready.

Beside the SDK's default of one minute, in one run on the real programs. Fails where
ours asks more than twice an hour for each, or where the default does not ask ten times
more, for then the run would show nothing.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

import psutil
from processes import NotReadyError
from system import FUNCTION, OURS, ROOT, System, say
from test_chain import claim_manifest, condition

MOST_PER_HOUR, LEAST_TIMES = 2.0, 10.0
# The same program, with the SDK's default for what is settled.
DEFAULT = (
    "from function import freshness; freshness.SETTLED_SECONDS = 60; "
    "from function.main import cli; cli()"
)
# A minute, Crossplane's jitter of a tenth, and a little.
EACH_ASKED_S = 75


class Quiet(System):
    """The system without Kyverno: claims are applied as they are."""

    def _kyverno(self) -> None:
        pass


class Steady:
    """One run."""

    def __init__(self, system: System, xrs: int, minutes: float) -> None:
        self._system, self._xrs, self._minutes = system, xrs, minutes

    def run(self) -> bool:
        """Measure both, and say whether ours is as it should be."""
        system = self._system
        system.kubectl("apply", "-f", ROOT / "package/configuration")
        system.established("workloadecrrepos.tap.vrabbi.cloud")
        system[FUNCTION].stop()
        system.run_function(
            "sdk-default", FUNCTION, sys.executable, "-c", DEFAULT, "serve"
        )
        system.kubectl.apply(
            *(claim_manifest(f"steady-{n}", f"steady-{n}") for n in range(self._xrs))
        )
        system.wait("every claim is Ready", self._all_ready, 600)
        default = self._measure("the SDK's default, 60 s", "sdk-default")
        system["sdk-default"].stop()
        system.run_function("settled", FUNCTION, *OURS)
        ours = self._measure("ours, 3600 s", "settled")
        return ours <= MOST_PER_HOUR and default >= LEAST_TIMES * max(ours, 1.0)

    def _measure(self, what: str, program: str) -> float:
        """Return the calls for each XR and hour."""
        system = self._system
        say(f"{what}: waiting until each is asked about, {EACH_ASKED_S} s")
        time.sleep(EACH_ASKED_S)
        watched = {
            name: psutil.Process(system[of].pid)
            for name, of in (("function", program), ("Crossplane", "crossplane"))
        }
        calls, cpu = (
            system.calls(),
            {n: sum(p.cpu_times()[:2]) for n, p in watched.items()},
        )
        began = time.monotonic()
        end = began + self._minutes * 60
        while (left := end - time.monotonic()) > 0:
            say(f"{what}: {left:.0f} s left, {system.calls() - calls} calls")
            time.sleep(min(left, 60))
        hours = (time.monotonic() - began) / 3600
        asked = system.calls() - calls
        rate = asked / self._xrs / hours
        used = ", ".join(
            f"{name} {sum(p.cpu_times()[:2]) - cpu[name]:.1f} s"
            for name, p in watched.items()
        )
        print(
            f"{what}: {asked} calls for {self._xrs} XRs in {hours * 60:.1f} min, "
            f"{rate:.1f} for each and hour; processor time: {used}",
            flush=True,
        )
        return rate

    def _all_ready(self) -> bool:
        claims = self._system.kubectl.all("workloadecrrepos")
        return len(claims) == self._xrs and all(
            condition(claim, "Ready").get("status") == "True" for claim in claims
        )


def main() -> int:
    """Run it; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xrs", type=int, default=50, help="how many (50)")
    parser.add_argument(
        "--minutes", type=float, default=10, help="how long each is watched (10)"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    system = Quiet("steady")
    try:
        system.start()
        return 0 if Steady(system, given.xrs, given.minutes).run() else 1
    except NotReadyError as e:
        say(f"steady: {e}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        system.close()


if __name__ == "__main__":
    sys.exit(main())
