"""What the function asks of a provider's API."""

from typing import Any, Protocol

from google.protobuf import struct_pb2 as structpb

from function.ecr.policies import Attached, Attachment, Kind
from function.ecr.repository import Facts, Repository

Manifest = dict[str, Any]


class Provider(Protocol):
    """One API that makes ECR repositories.

    Attributes:
        api_version: What the Input calls it: group and version of its Repository.
        kind: The kind of that.
        namespaced: Whether its resources are in namespaces; a namespaced XR can
            compose no others.
        has_deletion_policy: Whether its resources have one; management policies alone
            say what may be deleted where not.
        honours_management_policies: Whether it honours management policies,
            unless the Input says otherwise.
        creates_with_options: Whether one that may only observe and create is told the
            options with the first manifest.
        config_kinds: The kinds of provider configs, its default first; empty where its
            API knows only one.
        unsupported_options: The options that its API has no field for, by their names
            in the Input.
        replaces: The policies that a live resource cannot change.
        outlived: The policies whose resource cannot be deleted once the repository is
            gone: these go with the repository, and nothing is asked of the provider.
    """

    api_version: str
    kind: str
    namespaced: bool
    has_deletion_policy: bool
    honours_management_policies: bool
    creates_with_options: bool
    config_kinds: tuple[str, ...]
    unsupported_options: frozenset[str]
    replaces: frozenset[Kind]
    outlived: frozenset[Kind]

    def __hash__(self) -> int:
        """Return what keeps manifests apart: that of the object."""

    def identify(self, repository: Repository) -> str:
        """Return a repository's identity among this provider's: its label."""

    def manifest(self, repository: Repository, *, manages: bool) -> Manifest:
        """Return the managed resource for a repository, only the fields we own.

        Args:
            repository: What is wanted.
            manages: Whether to say it in management policies too.
        """

    def facts(self, observed: structpb.Struct, composite_uid: str | None) -> Facts:
        """Read what the provider says of an observed managed resource.

        Args:
            observed: The managed resource.
            composite_uid: The UID of the composite that it is of; None where that has
                let it go.
        """

    def attachment(self, attachment: Attachment, *, manages: bool) -> Manifest:
        """Return the managed resource for a repository's policy."""

    def attached(self, kind: Kind, observed: structpb.Struct) -> Attached:
        """Read what the provider says of one."""
