"""Ask ECR what repositories hold, with the AWS credentials of the shell; read only.

boto3 is an optional dependency, the extra `aws`.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from function.cli.errors import InputFileError
from function.errors import printable
from function.impact.images import ImageCount, Registry, repositories_of

_MISSING = (
    "--aws needs the package boto3. Install it with: pip install "
    "'function-ecr-repos[aws]'. Or use files: --images FILE"
)
# ECR answers one request in some 50 ms, and boto3 retries what it throttles.
_AT_ONCE = 8

Say = Callable[[str], None]


class Ecr:
    """ECR in all regions."""

    def __init__(self, client: Callable[[str], Any], say: Say) -> None:
        """Create an object that has asked nothing.

        Args:
            client: Returns boto3's client for the ECR of a region.
            say: Called with a message about what ECR refuses.
        """
        self._new_client, self._say = client, say
        self._clients: dict[str, Any] = {}
        self._said: set[str] = set()

    def counts(
        self, registries: Iterable[Registry]
    ) -> Iterator[tuple[Registry, ImageCount | None]]:
        """Yield what each repository holds, None if ECR does not say it.

        Raises:
            InputFileError: There are no credentials, or ECR does not answer.
        """
        registries = list(registries)
        with _boto_errors():
            for registry in registries:
                self._client(registry.region)  # boto3 creates them in one thread only
            executor = ThreadPoolExecutor(_AT_ONCE)
            try:
                counted = executor.map(self._count, registries)
                yield from zip(registries, counted, strict=True)
            finally:
                executor.shutdown(cancel_futures=True)

    def repositories(self, regions: Iterable[str]) -> list[Registry]:
        """Return the repositories of regions, and of those that they replicate to.

        Raises:
            InputFileError: ECR refuses to list them, or does not answer.
        """
        found: list[Registry] = []
        pending, done = list(dict.fromkeys(regions)), set[str]()
        with _boto_errors():
            while pending:
                region = pending.pop(0)
                if region in done:
                    continue
                done.add(region)
                client = self._client(region)
                pages = client.get_paginator("describe_repositories").paginate()
                for page in pages:
                    found += repositories_of({"repositories": page["repositories"]})
                pending += self._replica_regions(region)
        return found

    def _client(self, region: str) -> Any:
        if region not in self._clients:
            self._clients[region] = self._new_client(region)
        return self._clients[region]

    def _count(self, registry: Registry) -> ImageCount | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        account = {"registryId": registry.account} if registry.account else {}
        images = size = 0
        try:
            pages = self._client(registry.region).get_paginator("describe_images")
            for page in pages.paginate(repositoryName=registry.name, **account):
                for image in page["imageDetails"]:
                    images += 1
                    size += image.get("imageSizeInBytes", 0)
        except ClientError as e:
            code = e.response["Error"]["Code"]
            if code == "RepositoryNotFoundException":
                return ImageCount(0, 0, exists=False)
            self._report(registry.region, e)
            return None
        return ImageCount(images, size)

    def _replica_regions(self, region: str) -> list[str]:
        """Return the regions to which a registry copies its own repositories."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            registry = self._client(region).describe_registry()
        except ClientError as e:
            self._report(region, e)
            return []
        own = registry.get("registryId")
        return [
            destination["region"]
            for rule in registry.get("replicationConfiguration", {}).get("rules", ())
            for destination in rule["destinations"]
            if destination["registryId"] == own
        ]

    def _report(self, region: str, error: Exception) -> None:
        text = f"ECR in {region}: {printable(' '.join(str(error).split()))}"
        if text not in self._said:
            self._said.add(text)
            self._say(text)


def connect(say: Say) -> Ecr:
    """Return ECR, with the AWS credentials of the shell.

    Args:
        say: Called with a message about what ECR refuses.

    Raises:
        InputFileError: boto3 is not installed.
    """
    try:
        import boto3  # noqa: PLC0415  # an optional dependency
    except ImportError as e:
        raise InputFileError("", _MISSING) from e
    session = boto3.session.Session()
    return Ecr(lambda region: session.client("ecr", region_name=region), say)


@contextmanager
def _boto_errors() -> Iterator[None]:
    """Turn what no retry helps against into an error for the user."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except (BotoCoreError, ClientError) as e:
        text = printable(" ".join(str(e).split()))
        raise InputFileError(
            "", f"ECR: {text}. Check the credentials with aws sts get-caller-identity"
        ) from e
