"""Limits on the size of what people write, and of what is cached.

The API server enforces most of them by the XRDs. But some requests never passed it
(render, an older XRD), and one author's text must not fill the memory or delay other
claims: what is too large is refused by its size, before it is parsed.
"""

# Of each parameter, in characters.
LONGEST_PARAMETER = {
    "workloadName": 253,
    "repoPrefix": 512,
    "region": 63,
    "providerName": 253,
}
# Of spec.parameters.repository and of an Input, in bytes of the serialized Struct: more
# than all of their fields need in practice.
LARGEST_OVERRIDES = 128 * 1024
LARGEST_INPUT = 256 * 1024
# The number of values in either, nested ones included: they are read in milliseconds.
MOST_VALUES = 8192

# The largest manifest, and the largest spec.parameters.repository, that are cached, in
# bytes. A manifest usually has five kilobytes. Many cache entries contain the second.
LARGEST_REMEMBERED = 16 * 1024
LARGEST_OVERRIDES_REMEMBERED = 4 * 1024
