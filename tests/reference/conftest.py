"""A server and people for the tests of the clients that have a screen."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def company():
    """The module beside this one."""
    spec = importlib.util.spec_from_file_location("company", Path(__file__).with_name("company.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def serve(company, tmp_path):
    """Starts servers: `company.Server`."""
    made = []

    def start(engine="asyncio", *options):
        made.append(company.Server(engine, tmp_path, *options))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture
def house(serve):
    """A server that forgets all when it ends."""
    return serve("asyncio", "--memory")


@pytest.fixture
def people(company, tmp_path):
    """Makes people with the console client: `company.Console`."""
    made = []

    def make(handle, server):
        made.append(company.Console(handle, server.port, tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.close()
