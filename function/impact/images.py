"""How many images repositories hold: what the AWS CLI prints, as counts."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple


class ImageCount(NamedTuple):
    """What a repository holds.

    Attributes:
        images: The number of its manifests.
        bytes: The sum of their sizes. ECR stores a layer that they share only once.
        exists: Whether there is such a repository.
    """

    images: int
    bytes: int
    exists: bool = True


class Registry(NamedTuple):
    """A repository in ECR.

    Attributes:
        name: Its name.
        region: Its region.
        account: The AWS account of the registry.
    """

    name: str
    region: str
    account: str


class FormatError(ValueError):
    """A document is not what the AWS CLI prints; the text says what to do."""


class CountedImages:
    """Counts from `aws ecr describe-images`, which names no region.

    So the images of a name count in each region. That a repository is empty counts only
    if it is the only one of that name.
    """

    def __init__(self) -> None:
        """Create an object that knows no repository."""
        # The size of each image, by repository, account and digest.
        self._sizes: dict[str, dict[str, dict[str, int]]] = {}
        self._empty: set[str] = set()

    def add(self, document: object, repository: str = "") -> None:
        """Add what one command printed.

        Args:
            document: The JSON document.
            repository: The repository that the command was about; empty if its images
                say it.

        Raises:
            FormatError: The document is something else, or incomplete.
        """
        details = _list_of(document, "imageDetails", "describe-images")
        for image in details:
            name = repository or _text(image, "repositoryName")
            digest = _text(image, "imageDigest")
            if not name or not digest:
                raise FormatError(
                    "imageDetails has an image without repositoryName or imageDigest"
                )
            size = image.get("imageSizeInBytes")
            accounts = self._sizes.setdefault(name, {})
            images = accounts.setdefault(_text(image, "registryId"), {})
            images[digest] = size if isinstance(size, int) else 0
        if repository and not details:
            self._empty.add(repository)

    def count(self, name: str, account: str, *, unique: bool) -> ImageCount | None:
        """Return what a repository holds; None if that is unknown.

        Args:
            name: Its name.
            account: The AWS account of its registry; empty if unknown.
            unique: Whether no other repository of this name matters.
        """
        found = [
            sizes
            for registry, sizes in self._sizes.get(name, {}).items()
            if not account or registry in ("", account)
        ]
        if found:
            sizes = {digest: s for each in found for digest, s in each.items()}
            return ImageCount(len(sizes), sum(sizes.values()))
        return ImageCount(0, 0) if unique and name in self._empty else None


def repositories_of(document: object) -> Iterator[Registry]:
    """Yield the repositories that `aws ecr describe-repositories` printed.

    Raises:
        FormatError: The document is something else, or incomplete.
    """
    for repository in _list_of(document, "repositories", "describe-repositories"):
        # arn:aws:ecr:REGION:ACCOUNT:repository/NAME
        parts = _text(repository, "repositoryArn").split(":")
        name = _text(repository, "repositoryName")
        if len(parts) < len(("arn", "aws", "ecr", "region", "account", "name")):
            raise FormatError("repositories has one without repositoryArn")
        yield Registry(name, parts[3], parts[4])


def size_text(size: int) -> str:
    """Return a size as people read it, in powers of 1000 as ECR's console has it."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":  # noqa: PLR2004  # the next unit
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _list_of(document: object, field: str, command: str) -> list[Mapping[str, Any]]:
    listed = document.get(field) if isinstance(document, dict) else None
    if not isinstance(listed, list) or not all(isinstance(i, dict) for i in listed):
        raise FormatError(
            f"there is no list {field}. Use the output of aws ecr {command} "
            "--output json, unchanged"
        )
    # The first is the CLI's, with --max-items; the second ECR's, with --no-paginate.
    for token in ("NextToken", "nextToken"):
        if isinstance(document, dict) and document.get(token):
            fix = "Omit --max-items and --no-paginate"
            raise FormatError(f"it is incomplete: it has a {token}. {fix}")
    return listed


def _text(of: Mapping[str, Any], key: str) -> str:
    value = of.get(key)
    return value if isinstance(value, str) else ""


def total(counts: Iterable[ImageCount | None]) -> tuple[int, int, bool]:
    """Return the number of images and bytes, and whether no count is unknown."""
    known, complete = [0, 0], True
    for count in counts:
        if count is None:
            complete = False
        else:
            known[0] += count.images
            known[1] += count.bytes
    return known[0], known[1], complete
