"""How long an answer stays good: the ttl of a response's meta.

Crossplane asks again when the shortest ttl of a pipeline is over, a tenth more or less,
and whenever the XR, its Composition or a composed resource changes: it watches them,
with realtime compositions, which are on by default since v1.20 (v2.3.4, composite/
reconciler.go). So an answer that only they could change may stay for long: the managed
resources' own drift is healed by their provider, and a deleted one is an event. Without
realtime compositions no ttl is heeded.

What no watch tells of is asked for soon: whether another claim still has a name, and
whether it has been given up; and all of an XR whose events Crossplane drops, because
it changes too often. Sooner still while its repositories are being made: they are there
within seconds, and someone waits to push.
"""

# A belt beside the braces: an event may be lost. Crossplane's own SDK says one minute.
SETTLED_SECONDS = 3600
PENDING_SECONDS = 60
UNHEARD_SECONDS = 10


def ttl_seconds(
    *, ready: bool, taken: bool, asked: bool, problems: bool, unheard: bool
) -> int:
    """Return for how long an answer is good.

    Args:
        ready: Whether all that was asked for is there.
        taken: Whether it is another's, and so may not come for long.
        asked: Whether something was required that the XR and its resources do not say.
        problems: Whether a provider says that something is wrong.
        unheard: Whether Crossplane drops the XR's events.
    """
    if unheard and not (ready or taken or problems):
        return UNHEARD_SECONDS
    settled = ready and not (asked or problems or unheard)
    return SETTLED_SECONDS if settled else PENDING_SECONDS
