"""What goes in and out, as pydantic models; checks and the OpenAPI document come from these."""
