"""The people of the tests of `kubectl recordings`, in the world of end-to-end tests."""

from tests.cli.conftest import people, user_roles

__all__ = ["people", "user_roles"]
