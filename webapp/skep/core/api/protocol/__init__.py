"""What every request shares: who asks, problems, idempotency, headers, the OpenAPI document."""
