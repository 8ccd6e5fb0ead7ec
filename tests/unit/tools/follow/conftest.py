import pytest

from telemetry.http_api import HttpRequest
from telemetry.settings import IngestSettings
from tests.unit.conftest import Printed
from tests.unit.tools.follow.service import Service


@pytest.fixture
def service(printed: Printed, post: HttpRequest, ingest_settings: IngestSettings) -> Service:
    return Service(printed, post, ingest_settings)
