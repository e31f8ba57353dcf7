"""What a provider would add to the managed resource of a new repository.

It adds what ECR chose for options that the spec leaves out, and Upbound's adds its own
tags. Each is a write of its own, after which the provider and Crossplane reconcile once
more. With them, a single new claim opens the circuit breaker of Crossplane v2.3. So the
managed resource of a repository that this composite creates has all of that before: on
Upbound's API from the start, on the classic one with the rights, which wait for proof
that the repository is this composite's own.
"""

import enum

from function.ecr.options import NO_OPTIONS, EncryptionOptions

# ECR API Reference, CreateRepository: the defaults.
ECR_DEFAULTS = NO_OPTIONS.model_copy(
    update={
        "image_tag_mutability": "MUTABLE",
        "scan_on_push": False,
        "encryption": EncryptionOptions(type="AES256"),
    }
)


class Additions(enum.Enum):
    """What the spec of a repository has besides the options that are requested."""

    NOTHING = enum.auto()
    # What it has: also an option that nobody requests any more.
    KEPT = enum.auto()
    # The same, and ECR's defaults for the rest.
    DEFAULTS = enum.auto()


# The guard: plain values in, a boolean out. `make guards` turns it off.


def may_add_defaults(*, created: bool, found: bool, only_creates: bool) -> bool:
    """Whether the spec gets ECR's defaults; a repository may have other values.

    Args:
        created: Whether this composite created the repository, without options.
        found: Whether this composite found the repository, rather than created it.
        only_creates: Whether the provider, while it may only create, writes nothing
            onto a repository that it finds.
    """
    return created or (only_creates and not found)
