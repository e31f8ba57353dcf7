"""Provider APIs, one module each: from a repository to a managed resource, and back.

A module with PROVIDERS is registered: see docs/adding-a-provider.md.
"""
