"""Carries a run: durable work, one ansible-runner call, outcomes as they arrive."""
