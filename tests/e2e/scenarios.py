"""Which scenario runs on which provider API, and why not on the others.

A scenario is a test, or a module of tests, that has the `api` fixture. It runs on every
API of apis.py but those that NOT_ON names. tests/tooling would be silent about a name
that no longer exists: conftest.py refuses it.
"""

# By module. What leaves nothing working, or replaces what is installed, comes last.
ORDER = (
    "test_workloads",
    "test_parameters",
    "test_collisions",
    "test_options",
    "test_policy",
    "test_admission",
    "test_killed",
    "test_steady",
    "test_moving",
    "test_docs",
    "test_deletion",
    "test_restore",
    "test_under_load",
    "test_uninstall",
    "test_upgrade",
    "test_versions",
)

# One API has each of these: the classic one has most of what only one can have.
_KYVERNO = "Kyverno alone decides; no provider takes part"
_CROSSPLANE = "Crossplane's package manager alone decides; no provider takes part"
_CLAIMS = "the same claims, policy and Crossplane as on upbound"
_POLLED = "the provider writes its resources' conditions again at each poll"
_RECIPE = "the recipe composes the classic provider's resources"
_CLUSTER = "only a namespaced managed resource goes with its namespace"

# By scenario, then by API.
NOT_ON: dict[str, dict[str, str]] = {
    "test_the_recipes_own_policy_is_refused": {
        "classic": _KYVERNO,
        "namespaced": _KYVERNO,
    },
    "test_kyverno_down_blocks_nothing": {"classic": _CLAIMS},
    "test_the_backfill_makes_what_was_missed_meanwhile": {"classic": _CLAIMS},
    "test_the_policy_can_go_and_the_cluster_policy_take_over": {
        "classic": _KYVERNO,
        "namespaced": _KYVERNO,
    },
    "test_policy": {"classic": _KYVERNO, "namespaced": _KYVERNO},
    "test_a_claims_connection_secret_has_its_uris": {
        "namespaced": "composites of Crossplane v2 have no connection secret",
    },
    "test_an_object_holds_what_a_claims_secret_would": {
        "classic": "claims have a connection secret instead",
        "upbound": "claims have a connection secret instead",
    },
    "test_a_namespace_takes_its_repositories_along": {
        "namespaced": "it hangs: test_a_namespace_that_hangs…",
    },
    "test_a_namespace_goes_after_its_composites": {
        "classic": _CLUSTER,
        "upbound": _CLUSTER,
    },
    "test_a_namespace_that_hangs_can_be_released_without_losing_an_image": {
        "classic": _CLUSTER,
        "upbound": _CLUSTER,
    },
    "test_claims_can_be_kept_when_the_triggers_crd_goes": {
        "classic": _KYVERNO,
        "namespaced": _KYVERNO,
    },
    "test_managed_resources_that_were_restored_can_be_made_harmless": {
        "upbound": "without its provider's webhook none can be restored",
    },
    "test_they_are_not_asked_for_each_minute": {
        "upbound": _POLLED,
        "namespaced": _POLLED,
    },
    "test_a_creation_that_nobody_recorded_is_looked_at_again": {
        "upbound": "without its provider's webhook no Repository can be written",
    },
    "test_moving": {"upbound": _RECIPE, "namespaced": _RECIPE},
    "test_docs": {
        "upbound": "the pages show the classic provider's resources",
        "namespaced": "the pages show the classic provider's resources",
    },
    "test_deleting_the_xrd_takes_what_claims_created_alone": {
        "namespaced": (
            "Crossplane v2.4.2 waits until someone deletes the namespaced composites"
        ),
    },
    "test_the_configuration_package_brings_all": {
        "upbound": _CROSSPLANE,
        "namespaced": _CROSSPLANE,
    },
    "test_deleting_the_configuration_package_takes_what_claims_created_alone": {
        "upbound": _CROSSPLANE,
        "namespaced": _CROSSPLANE,
    },
    "test_what_runs_it_in_production_is_accepted": {
        "upbound": _CROSSPLANE,
        "namespaced": _CROSSPLANE,
    },
    "test_upgrade": {"upbound": _CROSSPLANE, "namespaced": _CROSSPLANE},
    "test_what_kyverno_drops_of_1500_the_backfill_makes": {
        "classic": _KYVERNO,
        "namespaced": _KYVERNO,
    },
}

# Those that `make e2e` leaves to `make e2e-full`.
FULL_ONLY = {
    "test_what_kyverno_drops_of_1500_the_backfill_makes": (
        "Kyverno drops nothing of fewer than 1,000 Workloads, and those take minutes"
    ),
}
