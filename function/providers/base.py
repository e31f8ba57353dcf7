"""What the function needs from a provider's API."""

from collections.abc import Mapping
from typing import Any, Protocol

from google.protobuf import struct_pb2 as structpb

from function.ecr.policies import DesiredPolicy, ObservedPolicy, PolicyKind
from function.ecr.repository import (
    DesiredRepository,
    ObservedRepository,
    ProviderConfig,
)

Manifest = dict[str, Any]


class Provider(Protocol):
    """One API that creates ECR repositories.

    Attributes:
        api_version: Its name in the Input: group and version of its Repository.
        kind: The kind of that.
        namespaced: Whether its resources are namespaced. A namespaced XR can compose no
            others.
        has_deletion_policy: Whether its resources have spec.deletionPolicy.
        honours_management_policies: Whether it honours management policies, unless the
            Input says otherwise.
        creates_with_options: Whether a provider that may only observe and create gets
            the options with the first manifest.
        waits_for_quiet: Whether a new claim hears that its repositories are ready only
            when the provider has seen all that was changed. That takes milliseconds.
        changes_adopted: Whether it can change a repository that it did not create, and
            lose nothing that somebody else set.
        config_kinds: The kinds of provider configs, the default first; empty if its API
            has only one.
        filled_in: The fields of spec.forProvider that the provider fills in from ECR if
            the spec lacks them, with ECR's defaults; None if there is no default.
        unsupported_options: The options that its API has no field for, by their names
            in the Input.
        immutable_policies: The policies whose text a live resource cannot change.
        undeletable_policies: The policies whose resource cannot be deleted after its
            repository. They go with the repository, without the provider.
    """

    api_version: str
    kind: str
    namespaced: bool
    has_deletion_policy: bool
    honours_management_policies: bool
    creates_with_options: bool
    waits_for_quiet: bool
    changes_adopted: bool
    config_kinds: tuple[str, ...]
    filled_in: Mapping[str, Any]
    unsupported_options: frozenset[str]
    immutable_policies: frozenset[PolicyKind]
    undeletable_policies: frozenset[PolicyKind]

    def repository_id(self, repository: DesiredRepository) -> str:
        """Return a repository's ID among this provider's: the value of its label."""

    def repository_manifest(
        self, repository: DesiredRepository, *, management_policies: bool
    ) -> Manifest:
        """Return a repository's managed resource, only the fields that we own.

        Args:
            repository: The desired repository.
            management_policies: Whether the provider honours them.
        """

    def observe_repository(
        self, managed: structpb.Struct, composite_uid: str | None
    ) -> ObservedRepository:
        """Read a repository's managed resource.

        Args:
            managed: The managed resource.
            composite_uid: The UID of its composite; None if it has none any more.
        """

    def policy_manifest(
        self, policy: DesiredPolicy, *, management_policies: bool
    ) -> Manifest:
        """Return a policy's managed resource, only the fields that we own."""

    def observe_policy(
        self, kind: PolicyKind, managed: structpb.Struct
    ) -> ObservedPolicy:
        """Read a policy's managed resource."""


def in_api(repository: DesiredRepository, provider: Provider) -> DesiredRepository:
    """Return a repository as another provider's API would describe it.

    A provider config of the same name is taken for the same AWS account.
    """
    kinds, config = provider.config_kinds, repository.provider_config
    if config.kind in kinds or not (kinds or config.kind):
        return repository
    return repository._replace(
        provider_config=ProviderConfig(config.name, kinds[0] if kinds else "")
    )
