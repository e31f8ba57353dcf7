"""How long a response stays valid: the ttl of its meta.

Crossplane reconciles again when the shortest ttl of a pipeline is over (give or take a
tenth), and whenever the XR, its Composition or a composed resource changes: it watches
them, with realtime compositions, which are on by default since v1.20 (v2.3.4,
composite/reconciler.go). So a response that only they could change may stay valid for
long. The provider corrects drift of managed resources, and a deleted one is an event.
Without realtime compositions Crossplane ignores the ttl.

No watch tells whether another claim still owns a repository or has released it. Nor
does Crossplane tell about an XR while it drops the XR's events because there were too
many. Then the ttl is short. It is shorter while repositories are being created: that
takes seconds, and someone waits to push.

It is shortest while the owner of a repository is being deleted: a claim that was
deleted and created again waits for nothing else. (Crossplane v2.4 watches required
resources, so there the ttl is only a fallback.) But a deletion may never end, because
the provider is stopped or ECR refuses. So this holds for a few minutes after it began.

In the first seconds of a new XR, its claim is not told that the repositories are being
created: it usually is Ready before it would be. The ttl is then short, so that a claim
whose provider is stopped is told soon. If its repositories are there, but the provider
has not seen its last changes yet, it is ready a moment later; or after some minutes, if
the provider was stopped just then. Nothing else depends on the clock.
"""

from datetime import datetime, timedelta

# An event may be lost, so reconcile an idle claim hourly. (Crossplane's SDK: a minute.)
STEADY_SECONDS = 3600
PENDING_SECONDS = 60
WATCH_SUSPENDED_SECONDS = 10
RELEASE_SECONDS = 3
RELEASE_TAKES = timedelta(minutes=5)
SETTLING_SECONDS = 10
SETTLING_TAKES = timedelta(seconds=5)
# As long as hundreds of claims at once take.
QUIET_TAKES = timedelta(minutes=5)


def ttl_seconds(
    *,
    ready: bool,
    conflict: bool,
    requirements: bool,
    problems: bool,
    watch_suspended: bool,
) -> int:
    """Return how long a response stays valid, in seconds.

    Args:
        ready: Whether everything that was requested is there.
        conflict: Whether a repository belongs to another claim, perhaps for long.
        requirements: Whether the response requires resources besides the composed ones.
        problems: Whether a provider reports a problem.
        watch_suspended: Whether Crossplane drops the XR's events.
    """
    if watch_suspended and not (ready or conflict or problems):
        return WATCH_SUSPENDED_SECONDS
    steady = ready and not (requirements or problems or watch_suspended)
    return STEADY_SECONDS if steady else PENDING_SECONDS


def is_recent(now: datetime, began: str, takes: timedelta) -> bool:
    """Whether something that usually takes so long began that long ago at most.

    Args:
        now: The time.
        began: When it began (RFC 3339). The API server's clock may be ahead of ours.
        takes: How long it usually takes.
    """
    try:
        return abs(now - datetime.fromisoformat(began)) < takes
    except (ValueError, TypeError):  # no time, or without a zone
        return False
