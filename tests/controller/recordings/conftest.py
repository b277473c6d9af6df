"""A strict store for each test of a manifest."""

from tests.support.strict_fixtures import strict, strict_server

__all__ = ["strict", "strict_server"]
