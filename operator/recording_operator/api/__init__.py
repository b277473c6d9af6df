"""The resources of the recordings.dev API, as pydantic models: the only source of their schemas."""
