"""How long an answer stays good: the ttl of a response's meta.

Crossplane asks again when the shortest ttl of a pipeline is over, and whenever the XR
or a composed resource changes: it watches them, with realtime compositions, which are
on by default since v1.20. So an answer that only they could change may stay for long:
the managed resources' own drift is healed by their provider, and a deleted one is an
event.

What no watch tells of is asked for soon: whether another claim still has a name, and
whether it has been given up.
"""

# A belt beside the braces: an event may be lost, and a function of a newer version
# has something else to say. Crossplane's own SDK says one minute.
SETTLED_SECONDS = 3600
PENDING_SECONDS = 60


def ttl_seconds(*, ready: bool, asked: bool, problems: bool) -> int:
    """Return for how long an answer is good.

    Args:
        ready: Whether all that was asked for is there.
        asked: Whether something was required that the XR and its resources do not say.
        problems: Whether a provider says that something is wrong.
    """
    settled = ready and not asked and not problems
    return SETTLED_SECONDS if settled else PENDING_SECONDS
