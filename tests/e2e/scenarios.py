"""Which scenario runs on which provider API, and why not on the others.

A scenario is a test, or a module of tests, that uses the `api` fixture. It runs on
every API of apis.py except those listed in NOT_ON. tests/tooling/test_e2e_table.py
checks that every name here exists.
"""

# The order of the modules. Those that uninstall or replace something come last.
ORDER = (
    # First: each page has its own control plane, and only one provider-aws can run.
    "test_install",
    "test_workloads",
    "test_quiet",
    "test_parameters",
    "test_collisions",
    "test_options",
    "test_manage",
    "test_named",
    "test_policy",
    "test_admission",
    "test_settings",
    "test_killed",
    "test_steady",
    "test_moving",
    "test_adopt",
    "test_docs",
    "test_impact",
    "test_deletion",
    "test_when_empty",
    "test_restore",
    "test_activation",
    "test_under_load",
    "test_uninstall",
    "test_upgrade",
    "test_versions",
)

# Reasons for running a scenario on one API only.
_KYVERNO = "only Kyverno is involved, no provider"
_CROSSPLANE = "only Crossplane's package manager is involved, no provider"
_CLAIMS = "the same claims, policy and Crossplane as on upbound"
_POLLED = "the provider rewrites the conditions of its resources at each poll"
_RECIPE = "the recipe composes the classic provider's resources"
_NO_CLAIMS = "only the Configuration without claims has an activation policy"
_STRIPS = "the function refuses it: the classic provider would remove the tags"
_CLUSTER = "only a namespaced managed resource is deleted with its namespace"

# The reason by scenario, then by API.
NOT_ON: dict[str, dict[str, str]] = {
    "test_the_policy_of_the_recipe_is_refused": {
        "classic": _KYVERNO,
        "namespaced": _KYVERNO,
    },
    "test_nothing_is_blocked_while_kyverno_is_down": {"classic": _CLAIMS},
    "test_the_backfill_creates_claims_missed_while_kyverno_was_down": {
        "classic": _CLAIMS
    },
    "test_manage": {"classic": _STRIPS},
    "test_policy": {"classic": _KYVERNO, "namespaced": _KYVERNO},
    "test_the_connection_secret_of_a_claim_has_its_uris": {
        "namespaced": "composites of Crossplane v2 have no connection secret",
    },
    "test_a_known_uri_is_not_published_again_when_the_claim_releases_it": {
        "classic": _STRIPS,
        "namespaced": "composites of Crossplane v2 have no connection secret",
    },
    "test_a_composed_object_holds_the_uris": {
        "classic": "claims have a connection secret instead",
        "upbound": "claims have a connection secret instead",
    },
    "test_deleting_a_namespace_deletes_its_repositories": {
        "namespaced": (
            "it hangs: see "
            "test_a_namespace_that_hangs_can_be_released_without_losing_an_image"
        ),
    },
    "test_a_namespace_can_be_deleted_after_its_composites": {
        "classic": _CLUSTER,
        "upbound": _CLUSTER,
    },
    "test_a_namespace_that_hangs_can_be_released_without_losing_an_image": {
        "classic": _CLUSTER,
        "upbound": _CLUSTER,
    },
    "test_claims_can_be_kept_when_the_crd_of_the_trigger_is_deleted": {
        "classic": _KYVERNO,
        "namespaced": _KYVERNO,
    },
    "test_restored_managed_resources_can_be_made_harmless": {
        "upbound": "without its provider's webhook none can be restored",
    },
    "test_steady_claims_are_not_reconciled_every_minute": {
        "upbound": _POLLED,
        "namespaced": _POLLED,
    },
    "test_an_unrecorded_creation_is_recovered": {
        "upbound": "without its provider's webhook no Repository can be written",
    },
    "test_activation": {"classic": _NO_CLAIMS, "upbound": _NO_CLAIMS},
    "test_moving": {"upbound": _RECIPE, "namespaced": _RECIPE},
    "test_the_air_gapped_page": {
        "classic": "the page installs Upbound's provider with its namespaced API",
        "upbound": "the page installs Upbound's provider with its namespaced API",
    },
    "test_docs": {
        "upbound": "the pages show the classic provider's resources",
        "namespaced": "the pages show the classic provider's resources",
    },
    "test_deleting_the_xrd_deletes_only_created_repositories": {
        "namespaced": (
            "Crossplane v2.4.2 waits until someone deletes the namespaced composites"
        ),
    },
    "test_the_configuration_package_installs_everything": {
        "upbound": _CROSSPLANE,
        "namespaced": _CROSSPLANE,
    },
    "test_the_settings_survive_resync_upgrade_and_restart": {
        "upbound": _CROSSPLANE,
        "namespaced": _CROSSPLANE,
    },
    "test_deleting_the_configuration_package_deletes_only_created_repositories": {
        "upbound": _CROSSPLANE,
        "namespaced": _CROSSPLANE,
    },
    "test_the_production_manifests_are_accepted": {
        "upbound": _CROSSPLANE,
        "namespaced": _CROSSPLANE,
    },
    "test_upgrade": {"upbound": _CROSSPLANE, "namespaced": _CROSSPLANE},
    "test_the_backfill_creates_claims_that_kyverno_dropped": {
        "classic": _KYVERNO,
        "namespaced": _KYVERNO,
    },
}

# Scenarios that run in `make e2e-full` but not in `make e2e`.
FULL_ONLY = {
    "test_the_backfill_creates_claims_that_kyverno_dropped": (
        "Kyverno drops requests only above 1,000 Workloads, and those take minutes"
    ),
}

# Scenarios with a system of their own, which another free process can run.
ALONE = {"test_the_air_gapped_page": "it follows a page on a control plane of its own"}
