"""Most tests of stores run against the strict store."""

from tests.support.strict_fixtures import serve, store, strict, strict_client, strict_server

__all__ = ["serve", "store", "strict", "strict_client", "strict_server"]
