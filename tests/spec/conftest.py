"""How hypothesis runs here: without deadlines, which would make a busy machine a failure."""

from hypothesis import settings

settings.register_profile("causerie", deadline=None)
settings.load_profile("causerie")
