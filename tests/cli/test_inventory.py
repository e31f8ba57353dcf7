"""Repositories in the output of the AWS CLI, Terraform and OpenTofu."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.cli.errors import InputFileError
from function.cli.inventory import ListedRepository, listed_repositories

ACCOUNT, REGION = "123456789012", "eu-west-2"
Json = dict[str, Any]


def arn(name: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:ecr:{region}:{account}:repository/{name}"


def of_aws(name: str, **changes: Any) -> Json:
    return {
        "repositoryArn": arn(name),
        "registryId": ACCOUNT,
        "repositoryName": name,
        **changes,
    }


def listed(*contents: object) -> list[ListedRepository]:
    return listed_repositories((f"{n}.json", c) for n, c in enumerate(contents))


def expected(name: str, *addresses: str, file: str = "0.json") -> ListedRepository:
    return ListedRepository(name, file, REGION, ACCOUNT, addresses)


PAGE = {"repositories": [of_aws("tap/a"), of_aws("tap/b")]}


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ([PAGE], "one list"),
        ([[PAGE]], "a list of pages"),
        ([PAGE["repositories"]], "--query repositories"),
        ([of_aws("tap/a"), of_aws("tap/b")], "one repository in each document"),
        (
            [
                {"repositories": [of_aws("tap/a")], "nextToken": "x"},
                {"repositories": [of_aws("tap/b")], "nextToken": None},
            ],
            "two pages",
        ),
        (
            [
                {"repositories": [of_aws("tap/a")], "NextToken": "x"},
                {"repositories": [of_aws("tap/b")]},
            ],
            "two pages of --max-items",
        ),
    ],
)
def test_the_aws_cli_lists_repositories(contents: list[object], reason: str) -> None:
    found = listed(*contents)
    assert [(r.name, r.region, r.account, r.addresses) for r in found] == [
        ("tap/a", REGION, ACCOUNT, ()),
        ("tap/b", REGION, ACCOUNT, ()),
    ], reason


def test_a_list_without_its_last_page_is_refused() -> None:
    with pytest.raises(InputFileError, match=r"1\.json: the list is not complete"):
        listed(PAGE, {**PAGE, "nextToken": "x"})


# `terraform show -json`: format_version 1.0, of a module with for_each.
SHOWN: Json = {
    "format_version": "1.0",
    "terraform_version": "1.9.8",
    "values": {
        "root_module": {
            "resources": [
                {
                    "address": "aws_ecr_repository.base",
                    "mode": "managed",
                    "type": "aws_ecr_repository",
                    "name": "base",
                    "values": {
                        "arn": arn("team/base"),
                        "name": "team/base",
                        "registry_id": ACCOUNT,
                    },
                },
                {
                    "address": "data.aws_ecr_repository.other",
                    "mode": "data",
                    "type": "aws_ecr_repository",
                    "name": "other",
                    "values": {"arn": arn("other"), "name": "other"},
                },
                {
                    "address": "aws_s3_bucket.b",
                    "mode": "managed",
                    "type": "aws_s3_bucket",
                    "values": None,
                },
            ],
            "child_modules": [
                {
                    "address": "module.ecr",
                    "child_modules": [
                        {
                            "address": 'module.ecr["shop"].module.one',
                            "resources": [
                                {
                                    "address": 'module.ecr["shop"].module.one.'
                                    "aws_ecr_repository.this[0]",
                                    "mode": "managed",
                                    "type": "aws_ecr_repository",
                                    "values": {"arn": arn("tap/a"), "name": "tap/a"},
                                },
                                {
                                    "address": 'module.ecr["shop"].module.one.'
                                    "aws_ecr_repository_policy.this[0]",
                                    "mode": "managed",
                                    "type": "aws_ecr_repository_policy",
                                    "values": {"repository": "tap/a"},
                                },
                            ],
                        }
                    ],
                }
            ],
        }
    },
}
# `terraform state pull`: the same resources in version 4 of the state.
PULLED: Json = {
    "version": 4,
    "terraform_version": "1.9.8",
    "serial": 7,
    "lineage": "a",
    "outputs": {},
    "resources": [
        {
            "mode": "managed",
            "type": "aws_ecr_repository",
            "name": "base",
            "instances": [
                {
                    "schema_version": 0,
                    "attributes": {"arn": arn("team/base"), "name": "team/base"},
                }
            ],
        },
        {
            "mode": "data",
            "type": "aws_ecr_repository",
            "name": "other",
            "instances": [{"attributes": {"name": "other"}}],
        },
        {
            "module": 'module.ecr["shop"].module.one',
            "mode": "managed",
            "type": "aws_ecr_repository",
            "name": "this",
            "instances": [
                {"index_key": 0, "attributes": {"arn": arn("tap/a"), "name": "tap/a"}}
            ],
        },
        {
            "module": 'module.ecr["shop"].module.one',
            "mode": "managed",
            "type": "aws_ecr_repository_policy",
            "name": "this",
            "instances": [{"index_key": 0, "attributes": {"repository": "tap/a"}}],
        },
    ],
    "check_results": None,
}


@pytest.mark.parametrize("state", [SHOWN, PULLED], ids=["show", "pull"])
def test_terraform_lists_the_repositories_of_all_modules(state: Json) -> None:
    module = 'module.ecr["shop"].module.one'
    assert listed(state) == [
        expected("team/base", "aws_ecr_repository.base"),
        expected(
            "tap/a",
            f"{module}.aws_ecr_repository.this[0]",
            f"{module}.aws_ecr_repository_policy.this[0]",
        ),
    ]


def test_an_instance_of_for_each_has_its_key_in_its_address() -> None:
    instance = {
        "index_key": "a b",
        "attributes": {"name": "tap/a", "arn": arn("tap/a")},
    }
    resource = {**PULLED["resources"][0], "instances": [instance]}
    (found,) = listed({**PULLED, "resources": [resource]})
    assert found.addresses == ('aws_ecr_repository.base["a b"]',)


def managed(kind: str, address: str, /, **values: Any) -> Json:
    return {
        "address": f"{kind}.{address}",
        "mode": "managed",
        "type": kind,
        "values": values,
    }


def shown(*resources: Json) -> Json:
    module = {"resources": list(resources)}
    return {"format_version": "1.0", "values": {"root_module": module}}


def test_a_policy_belongs_to_the_repository_of_its_region() -> None:
    """From version 6 of Terraform's AWS provider, each resource has a region."""
    lifecycle = "aws_ecr_lifecycle_policy"
    (found,) = listed(
        shown(
            managed("aws_ecr_repository", "r", name="a0", arn=arn("a0")),
            managed(lifecycle, "here", repository="a0", region=REGION),
            managed(lifecycle, "there", repository="a0", region="eu-west-1"),
            managed("aws_ecr_repository_policy", "any", repository="a0"),
        )
    )
    assert found.addresses == (
        "aws_ecr_repository.r",
        "aws_ecr_lifecycle_policy.here",
        "aws_ecr_repository_policy.any",
    )


REPOSITORY = managed("aws_ecr_repository", "r", name="a0", arn=arn("a0"))


@pytest.mark.parametrize(
    ("content", "want"),
    [
        (
            shown({**REPOSITORY, "tainted": True}),
            "aws_ecr_repository.r is tainted: the next `terraform apply` deletes it",
        ),
        (
            shown({**REPOSITORY, "deposed_key": "b"}),
            "it is a deposed object of aws_ecr_repository.r",
        ),
        (
            {
                **PULLED,
                "resources": [
                    {
                        **PULLED["resources"][0],
                        "instances": [
                            {"status": "tainted", "attributes": {"name": "a0"}}
                        ],
                    }
                ],
            },
            "aws_ecr_repository.base is tainted",
        ),
        (
            {
                **PULLED,
                "resources": [
                    {
                        **PULLED["resources"][0],
                        "instances": [{"deposed": "b", "attributes": {"name": "a0"}}],
                    }
                ],
            },
            "it is a deposed object of aws_ecr_repository.base",
        ),
        (
            of_aws(
                "a0", repositoryArn="arn:aws:ecr-public::123456789012:repository/a0"
            ),
            "is not that of a private repository",
        ),
        (of_aws("a0", repositoryArn=arn("b0")), "is that of another repository"),
        (of_aws("a0", registryId="210987654321"), "is that of another repository"),
        (of_aws("a0", repositoryArn="\x1b[31m"), r'"\u001b[31m" is not that of'),
    ],
)
def test_some_repositories_cannot_be_adopted_as_they_are(
    content: Json, want: str
) -> None:
    (found,) = listed(content)
    assert found.obstacle
    assert want in found.obstacle.problem


@pytest.mark.parametrize(
    ("content", "want"),
    [
        (1, "unknown format. Use the output of `aws ecr describe-repositories`"),
        ("text", "unknown format"),
        ({}, "unknown format"),
        ([[]], "unknown format"),
        ({"repositories": ["a"]}, "unknown format"),
        ({"Resources": []}, "unknown format"),
        ({"repositories": [{}]}, "repositoryName: got nothing; it must be a string"),
        ({"repositories": [{"repositoryName": 1}]}, "repositoryName: got 1; it must"),
        ({"repositories": [{"repositoryName": ""}]}, 'repositoryName: got ""; it must'),
        ({"repositories": [of_aws("a0", registryId=5)]}, "registryId: got 5; it must"),
        ({"format_version": "1.2", "planned_values": {}}, "this is a plan"),
        ({"resource_changes": []}, "this is a plan"),
        ({"encrypted_data": "…", "meta": {}}, "this state is encrypted. Use `tofu"),
        ({"format_version": "2.0"}, 'got format_version "2.0"; this version reads 1'),
        ({"version": 3, "resources": []}, "got state version 3; this version reads 4"),
        ({"version": 4, "resources": [1]}, "unknown format"),
        (shown(managed("aws_ecr_repository", "r")), "aws_ecr_repository.r: name: got "),
        (
            {"format_version": "1.0", "values": {"root_module": {"resources": 3}}},
            "unknown format",
        ),
    ],
    ids=str,
)
def test_another_document_is_refused(content: object, want: str) -> None:
    with pytest.raises(InputFileError) as e:
        listed(content)
    assert str(e.value).startswith("0.json: ")
    assert want in str(e.value)


def test_modules_nested_without_end_are_refused() -> None:
    module: Json = {}
    root = module
    for _ in range(200):
        child: Json = {}
        module["child_modules"] = [child]
        module = child
    with pytest.raises(InputFileError, match="unknown format"):
        listed({"format_version": "1.0", "values": {"root_module": root}})


def test_an_empty_state_lists_nothing() -> None:
    assert listed({"format_version": "1.0"}) == []
    assert listed({"version": 4, "resources": []}) == []


def test_the_origin_of_a_repository_names_its_file_and_address() -> None:
    assert listed(SHOWN)[0].origin == "0.json (aws_ecr_repository.base)"
    assert listed(of_aws("a0"))[0].origin == "0.json"


KEYS = st.sampled_from(
    (
        *("repositories", "repositoryName", "nextToken", "format_version", "version"),
        *("values", "root_module", "resources", "child_modules", "instances"),
        *("type", "mode", "attributes", "address", "name", "arn", "index_key"),
    )
)
VALUES = st.none() | st.booleans() | st.just(4) | st.text(max_size=3)
VALUES |= st.sampled_from(("aws_ecr_repository", "managed", "1.0", arn("a0")))


@given(
    st.recursive(
        VALUES,
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=5),
    )
)
def test_any_document_lists_repositories_or_is_refused(content: object) -> None:
    try:
        found = listed(content)
    except InputFileError as e:
        assert str(e).startswith("0.json: ")  # noqa: PT017  # not each is refused
        return
    assert all(repository.name for repository in found)
