"""Requests made from the served description, right and wrong ones: no server error, no answer outside of it."""

import gzip
from collections import Counter
from copy import deepcopy
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, Config, GenerationMode
from schemathesis.specs.openapi import checks

from telemetry import exact_json
from telemetry.envelope import short_id
from telemetry.http_api import GZIP, JSON
from tests.e2e.harness import Api, Cloud, Json, event_of, eventually
from tests.unit.description import validator
from tests.unit.strategies import payloads

# Posts first, so that there is something to read. What is sent to the description changes nothing in it.
POSTS = ["POST /telemetry", "POST /telemetry/batch"]
GETS = ["GET /telemetry/{chargerId}", "GET /telemetry"]
# The service knows what a schema can't say: which days exist, and what time it is. These are always accepted.
PAST_TIMESTAMP = r"^20[01][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
PAST = "2019-11-23T08:15:30Z"

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
CONFIG = {
    # Who gets in is tested in test_access.py; here everybody does, so that no case is wasted on the door.
    "generation": {"with-security-parameters": False},
    "checks": {
        "enabled": False,
        **{check: {"enabled": True} for check in CHECKS},
        "negative_data_rejection": {"enabled": True, "expected-statuses": ["400", "404", "413", "415", "422"]},
    },
}
REFUSED_WHOLE = [cast("Any", checks).negative_data_rejection]
EVENT = validator({"$ref": "#/components/schemas/TelemetryEvent"})


class Fuzzing:
    """Sends cases of a route, each held to the description, and keeps what was answered."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.charger_ids = [f"FUZZ{character}{uuid4().hex}" for character in "*-_=:+|@."]
        self.answered: Counter[tuple[str, GenerationMode, int]] = Counter()
        self.accepted_as: set[str | None] = set()
        self.event_ids: set[str] = set()
        document = api.send("GET", "/openapi.json").json()
        self.schema = schemathesis.openapi.from_dict(self._aimed(document), config=Config.from_dict(CONFIG))
        schemathesis.openapi.media_type(GZIP, st.builds(self._packed, payloads()))

    def send_many(self, route: str, mode: GenerationMode, cases: int) -> None:
        """Send so many cases of a route, right or wrong ones."""
        operation = cast("Any", self.schema.find_operation_by_label(route))

        @settings(max_examples=cases, phases=[Phase.generate], database=None, suppress_health_check=SLOW_IS_FINE)
        @given(operation.as_strategy(generation_mode=mode), st.none() | st.sampled_from(self.charger_ids))
        def send(case: Case[Any], known: str | None) -> None:
            if known and mode is GenerationMode.POSITIVE:
                self._ask_for(case, known)
            answer = case.call(base_url=self.api.url, headers={"Authorization": f"Bearer {self.api.token}"})
            self.answered[route, mode, answer.status_code] += 1
            # Of a post, what was accepted is looked at here: a batch is refused in part, and what Schemathesis takes
            # for wrong of a field that may be a text or null is at times another text.
            case.validate_response(answer, excluded_checks=REFUSED_WHOLE if route in POSTS else [])
            if route in POSTS and answer.status_code in {202, 207}:
                self.accepted_as.add(case.media_type)
                told = answer.json()
                results = told.get("results", [told])
                self.event_ids |= {each["eventId"] for each in results if "eventId" in each}
                if case.media_type == JSON:
                    self._check_accepted(case.body, results)

        send()

    def answers(self, route: str, mode: GenerationMode, statuses: range) -> int:
        """Return how many answers to a route there were of these statuses."""
        return sum(self.answered[route, mode, status] for status in statuses)

    @staticmethod
    def _check_accepted(body: object, results: list[Json]) -> None:
        """Fail where an event was accepted that the description does not allow."""
        posted = cast("Json", body).get("events") if isinstance(body, dict) else body
        events: list[object] = cast("list[object]", posted) if isinstance(posted, list) else [body]
        for event, result in zip(events, results, strict=True):
            if "eventId" in result:
                EVENT.validate(event)

    @staticmethod
    def _aimed(document: Json) -> Json:
        """Return the description with posts that reach further in; what it says of answers is as it was served."""
        aimed: Any = deepcopy(document)
        fields = aimed["components"]["schemas"]["TelemetryEvent"]["properties"]
        fields["timestamp"]["pattern"] = PAST_TIMESTAMP
        # An id that is given again counts once, which a schema can't say: more than 100 ids may be right, too.
        del aimed["paths"]["/telemetry"]["get"]["parameters"][0]["schema"]["maxItems"]
        return aimed

    @staticmethod
    def _ask_for(case: Case[Any], charger_id: str) -> None:
        """Name a charger that is known, in a case that reads."""
        if "chargerId" in case.path_parameters:
            case.path_parameters["chargerId"] = quote(charger_id, safe="")
        elif "chargerId" in case.query:
            case.query["chargerId"] = [charger_id, *case.query["chargerId"]][:100]

    def _packed(self, payload: Json) -> bytes:
        event = {"chargerId": self.charger_ids[0], "timestamp": PAST, "payload": payload}
        return gzip.compress(exact_json.dump(event).encode())


@pytest.mark.parametrize("cases", [25, pytest.param(300, marks=pytest.mark.slow)])
def test_no_request_is_answered_by_an_error_of_the_server_or_outside_the_description(
    cloud: Cloud, api: Api, cases: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Schemathesis' client looks at the proxies of the shell.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fuzzing = Fuzzing(api)
    for charger_id in fuzzing.charger_ids:
        api.kept(event_of(charger_id))
    for route in POSTS + GETS:
        for mode in GenerationMode:
            fuzzing.send_many(route, mode, cases)
    assert fuzzing.answered.total() >= len(POSTS + GETS) * len(GenerationMode) * cases
    assert fuzzing.accepted_as == {JSON, GZIP}
    for route in POSTS + GETS:
        assert fuzzing.answers(route, GenerationMode.POSITIVE, range(200, 400))
        assert fuzzing.answers(route, GenerationMode.NEGATIVE, range(400, 500))
    # Nothing was accepted that can't be kept.
    accepted = {short_id(each) for each in fuzzing.event_ids}
    eventually(lambda: accepted <= event_ids_in(cloud, "stored"), seconds=120)
    assert not accepted & event_ids_in(cloud, "dead-lettered")


def event_ids_in(cloud: Cloud, message: str) -> set[str]:
    """Return the short ids of the events that log lines of the processor with this message are about."""
    lines = cloud.log_lines("Processor", message=message)
    return {event_id for line in lines for event_id in cast("list[str]", line["eventIds"])}
