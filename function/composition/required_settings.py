"""Require the platform settings, and read them from a request.

Crossplane sends a required resource with its next call, and calls again until the
requirements are stable. For an object that does not exist it sends an entry without
items (crossplane v1.20.13 to v2.4.2: the entry is nil in Go's map, and protobuf sends
it). So a missing object differs from one that is not required yet.

The packaged Composition for Crossplane v2 has the object in the step's `requirements`
too. It is then in the first call.
"""

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import struct_pb2 as structpb

from function.api import platform_settings
from function.api.input import Input, parse_input
from function.api.platform_settings import parse_platform_settings
from function.api.settings import Settings, effective_settings
from function.errors import SettingsMissingError

REQUIREMENT = "platform-settings"
# The requirementName in the packaged Composition. It differs from ours: a requirement
# of the step is in each call, and ours is only in those after the first.
STEP_REQUIREMENT = "ecr-repos-settings"
_SELECTOR = fnv1.ResourceSelector(
    api_version=platform_settings.API_VERSION,
    kind=platform_settings.KIND,
    match_name=platform_settings.NAME,
)


def settings_are_known(req: fnv1.RunFunctionRequest) -> bool:
    """Whether Crossplane has looked for the platform settings."""
    return any(
        REQUIREMENT in resources or STEP_REQUIREMENT in resources
        for resources in (req.required_resources, req.extra_resources)
    )


def read_settings(req: fnv1.RunFunctionRequest) -> Settings:
    """Return the settings that apply to a request.

    Raises:
        InvalidInputError: The Composition's input or the platform settings are wrong.
        SettingsMissingError: There are no platform settings, but they are required.
    """
    step_input = parse_input(req.input)
    environment_config = _environment_config(req)
    if environment_config is not None:
        return effective_settings(
            step_input, parse_platform_settings(environment_config)
        )
    if not may_be_missing(step_input):
        raise SettingsMissingError(
            f"{platform_settings.KIND} {platform_settings.NAME}",
            "nothing",
            "this Composition requires the platform settings (`settings: Required`)",
            "Ask the platform team to create them: kubectl apply -k package/platform. "
            "Until then nothing changes",
        )
    return effective_settings(step_input)


def may_be_missing(step_input: Input) -> bool:
    """Whether the Input alone may apply."""
    return step_input.settings == "Optional"


def require_settings(
    req: fnv1.RunFunctionRequest, requirements: fnv1.Requirements
) -> None:
    """Add the platform settings to the requirements of a response.

    They are left out if the step itself requires them and nothing else is required:
    that saves a second call. With other requirements, the next call might have only
    those.
    """
    if STEP_REQUIREMENT in req.required_resources and not requirements.resources:
        return
    requirements.resources[REQUIREMENT].CopyFrom(_SELECTOR)
    if fnv1.CAPABILITY_CAPABILITIES not in req.meta.capabilities:
        # Crossplane may know required resources by their older name only.
        requirements.extra_resources[REQUIREMENT].CopyFrom(_SELECTOR)


def _environment_config(req: fnv1.RunFunctionRequest) -> structpb.Struct | None:
    for resources in (req.required_resources, req.extra_resources):
        for name in (REQUIREMENT, STEP_REQUIREMENT):
            if name in resources and resources[name].items:
                return resources[name].items[0].resource
    return None
