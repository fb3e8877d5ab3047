"""What holds for every test."""

from hypothesis import HealthCheck, settings

# A property is not wrong because the machine is busy.
settings.register_profile("skep", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("skep")
