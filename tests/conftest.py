"""What all tests share."""

from hypothesis import settings

# How long an example takes says something about the machine, nothing about the code.
settings.register_profile("pegel", deadline=None)
settings.load_profile("pegel")
