"""Ports of the local stack: free ones for 0, and an error that helps for one that is taken."""

import os
import socket

import pytest

from golf_pipeline.local.ports import HOST, PortTakenError, claim_port


def test_zero_gives_a_port_that_can_be_bound() -> None:
    port = claim_port(0, "the API", "--api-port")
    with socket.socket() as server:
        server.bind((HOST, port))
        assert server.getsockname() == (HOST, port)


def test_a_taken_port_names_itself_its_purpose_its_holder_and_the_option() -> None:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            claim_port(port, "the API", "--api-port (GOLF_API_PORT)")
    for part in (str(port), "the API", f"process {os.getpid()}", "--api-port (GOLF_API_PORT)"):
        assert part in str(caught.value)


def test_a_port_taken_on_every_address_is_taken() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))  # noqa: S104 what a careless server does
        server.listen()
        with pytest.raises(PortTakenError):
            claim_port(server.getsockname()[1], "Dagster", "--dagster-port")


def test_a_port_that_was_just_given_up_is_free() -> None:
    with socket.create_server((HOST, 0)) as server:  # sets SO_REUSEADDR, as our servers do
        port = server.getsockname()[1]
        client = socket.create_connection((HOST, port))
        connection, _ = server.accept()
        connection.close()  # the server closes first, so its side goes into TIME_WAIT
        client.close()
    assert claim_port(port, "the API", "--api-port") == port
