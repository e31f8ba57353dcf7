"""Claims that ECR refuses, each with a different error."""

import functools

import claims
from system import Refusal, System

REFUSALS = {
    "denied": Refusal(
        ("CreateRepository",),
        "AccessDeniedException",
        "User: arn:aws:sts::123456789012:assumed-role/platform/1 is not authorized "
        "to perform: ecr:CreateRepository",
        repository="/denied-",
    ),
    "throttled": Refusal(
        ("DescribeRepositories",),
        "ThrottlingException",
        "Rate exceeded",
        repository="/throttled-",
    ),
    "unencrypted": Refusal(
        ("CreateRepository",),
        "KmsException",
        "The operation failed due to a KMS exception",
        repository="/unencrypted-",
    ),
}


def refuse(system: System) -> dict[str, str]:
    """Refuse one claim per error until each reports it; return their messages."""
    said = dict[str, str]()

    def reports(name: str, refusal: Refusal) -> bool:
        said[name] = claims.ready_condition(system, name).get("message", "")
        return refusal.code in said[name] and refusal.message in said[name]

    with system.refusing(*REFUSALS.values()):
        claims.apply(system, *REFUSALS)
        for name, refusal in REFUSALS.items():
            # Crossplane's circuit breaker holds back an XR that changes often.
            system.wait(
                f"{name} reports the error of ECR",
                functools.partial(reports, name, refusal),
            )
            print(f"{system.api.name}: {said[name]}")
            # Otherwise the provider would retry immediately, every time.
            for resource in claims.resources_of(system, name):
                marks = resource["metadata"]["annotations"]
                assert "ecrrepos.fn.tap.vrabbi.cloud/create-abandoned" not in marks
    return said


def recovered(system: System) -> None:
    """Wait until all of them are Ready and no longer report an error of ECR."""

    def cleared(name: str, code: str) -> bool:
        return code not in claims.ready_condition(system, name)["message"]

    # The provider waits longer after each refusal.
    claims.wait_ready(system, *REFUSALS, seconds=300)
    for name, refusal in REFUSALS.items():
        assert claims.names(name) <= system.repositories()
        system.wait(
            f"{name} no longer reports the error of ECR",
            functools.partial(cleared, name, refusal.code),
        )
