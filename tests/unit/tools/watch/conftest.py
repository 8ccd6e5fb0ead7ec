from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """Leave an event loop the pair of sockets by which it wakes itself, and nothing that leads elsewhere."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
