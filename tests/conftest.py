"""How hard hypothesis tries: see `--hypothesis-profile`."""

from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=300)
settings.register_profile("thorough", deadline=None, max_examples=10_000)
settings.load_profile("default")
