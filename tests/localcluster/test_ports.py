"""Ports of local servers: no two processes are given the same one."""

import socket

from localcluster.ports import LOOPBACK, free_port


def test_a_port_is_given_once_even_before_a_server_listens_on_it() -> None:
    first = free_port()
    assert free_port(iter(range(first, first + 100))) != first


def test_a_port_on_which_a_server_listens_is_not_given() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = int(server.getsockname()[1])
        assert free_port(iter(range(taken, taken + 100))) != taken
