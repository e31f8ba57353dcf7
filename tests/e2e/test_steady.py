"""XRs that are Ready are left alone, and heal all the same."""

import json
import time

from system import System
from test_chain import PREFIX, claim_manifest, direct_ready, names

FEW = 5
# The SDK's default of a minute, Crossplane's jitter of a tenth, and a little.
A_MINUTE_S = 70
REPOSITORIES = "repositories.ecr.aws.crossplane.io"


def test_what_is_ready_is_not_asked_about_and_heals(system: System) -> None:
    kubectl = system.kubectl
    kubectl("create", "namespace", "still")
    for n in range(FEW):
        kubectl.apply(claim_manifest(f"still-{n}", f"still-{n}", "still"))
    system.wait(
        "every claim is Ready",
        lambda: all(direct_ready(system, f"still-{n}", "still") for n in range(FEW)),
        120,
    )

    def asked(seconds: float) -> int:
        before = system.calls()
        time.sleep(seconds)
        return system.calls() - before

    # What others have left may have to be asked about; each of these would be.
    system.wait("all is settled", lambda: asked(10) == 0, 180)
    assert asked(A_MINUTE_S) < FEW

    def one(field: str) -> str:
        (found,) = (
            r
            for r in kubectl.all(REPOSITORIES)
            if r["metadata"]["annotations"]["crossplane.io/external-name"]
            == f"{PREFIX}/still-0-still"
        )
        return str(found["metadata"][field])

    name, uid = one("name"), one("uid")
    change = {"spec": {"forProvider": {"forceDelete": False}}}
    kubectl("patch", REPOSITORIES, name, "--type=merge", "-p", json.dumps(change))
    system.wait(
        "what was edited is set back",
        lambda: (kubectl.get(REPOSITORIES, name) or {})["spec"]["forProvider"].get(
            "forceDelete"
        ),
        30,
    )
    began = time.monotonic()
    kubectl("delete", REPOSITORIES, name, "--wait=false")

    def anew() -> bool:
        found = kubectl.get(REPOSITORIES, name)
        return found is not None and found["metadata"]["uid"] != uid

    system.wait("what was deleted is there anew", anew, 45)
    print(f"deleted and there anew in {time.monotonic() - began:.1f} s")
    system.wait(
        "its claim is Ready", lambda: direct_ready(system, "still-0", "still"), 120
    )
    kubectl("delete", "namespace", "still", "--wait=false")
    wanted = {each for n in range(FEW) for each in names(f"still-{n}", "still")}
    system.wait("all are gone", lambda: not wanted & system.repositories(), 120)
