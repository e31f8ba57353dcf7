"""Provider APIs, one module each: a repository to a managed resource, and back.

A module here that has a PROVIDER is one: see docs/adding-a-provider.md.
"""
