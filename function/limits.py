"""How large may be what people write, and what of it is remembered.

The XRDs and the Input's schema say most of it too. But Crossplane does not always ask
the API server first (render, an XRD of before), and one author's text must neither fill
the memory nor keep the others waiting: what is too large is refused by its size, before
it is parsed.
"""

# A parameter's characters.
LONGEST_PARAMETER = {
    "workloadName": 253,
    "repoPrefix": 512,
    "region": 63,
    "providerName": 253,
}
# The bytes of a serialized Struct: of what a workload says of its repositories, and of
# an Input. Both are more than all of their fields hold in practice.
LARGEST_OVERRIDES = 128 * 1024
LARGEST_INPUT = 256 * 1024
# The values of either, with those inside others: read in milliseconds.
MOST_VALUES = 8192

# What is remembered. Usually a manifest has five kilobytes, of which some hundreds are
# what a workload says of its repositories, and these are in many things remembered.
LARGEST_REMEMBERED = 16 * 1024
LARGEST_OVERRIDES_REMEMBERED = 4 * 1024
