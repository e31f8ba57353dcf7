"""Limits on the size of what users write, and of what is cached.

The API server enforces most of them through the XRDs. But some requests never passed
the API server (render), or passed it under an older XRD. A large text must not fill the
memory or delay other claims, so it is refused by its size, before it is parsed.
"""

# The longest value of each parameter, in characters.
LONGEST_PARAMETER = {
    "workloadName": 253,
    "repoPrefix": 512,
    "region": 63,
    "providerName": 253,
    "existingName": 256,
}
# The most names in spec.parameters.repositories.
MOST_ADDED_REPOSITORIES = 16
# The largest spec.parameters.repository and the largest Input, in bytes of the
# serialized Struct. Both limits are larger than what all fields need in practice.
LARGEST_OVERRIDES = 128 * 1024
LARGEST_INPUT = 256 * 1024
# The largest number of values in either, nested ones included. So many are read in
# milliseconds.
MOST_VALUES = 8192

# The largest spec.parameters.repository that is cached, in bytes: tenants write them,
# and must not fill the memory.
LARGEST_OVERRIDES_REMEMBERED = 4 * 1024
