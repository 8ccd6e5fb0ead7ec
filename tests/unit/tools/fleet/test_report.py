"""What a run is told as, and how the command reads its arguments and ends."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest

from processor.folding import sample_of
from telemetry.envelope import seal
from telemetry.event import TelemetryEvent
from telemetry.exact_json import dump, parse
from telemetry.item import public_view
from telemetry.merge import LatestTelemetry, merge
from tests.unit.tools.fleet.plans import plan
from tools.fleet import __main__ as command
from tools.fleet.figures import Figures, percentile
from tools.fleet.ledger import Difference
from tools.fleet.report import Report, progress_line
from tools.service import client_of

FIGURES = Figures(
    requests=9,
    sent=10,
    accepted=6,
    unknown=1,
    rejected=Counter({"422 /timestamp is required": 2, "400 The body is not JSON": 1}),
    retries=Counter({"429": 2}),
    flaws=Counter({"malformed": 3}),
    latencies=[each / 100 for each in range(100, 0, -1)],
)


def report(*differences: Difference) -> Report:
    return Report(plan(), FIGURES, 5.0, differences)


def test_the_report_names_what_was_rejected_by_its_reason_and_the_verdict() -> None:
    lines = [" ".join(line.split()) for line in report().as_text().splitlines()]
    assert "2 422 /timestamp is required" in lines
    assert "rate 2.0 events/s" in lines
    assert "latency p50 500 ms, p95 950 ms, p99 990 ms" in lines
    assert lines[-1] == "verdict no difference, but 1 event of which nobody knows"


def test_the_report_lists_the_differences_the_first_of_many_alone() -> None:
    many = report(*(Difference(f"F-{number}", "charger: missing") for number in range(30)))
    assert "F-19" in many.as_text()
    assert "F-20" not in many.as_text()
    assert "... 10 more" in many.as_text()
    assert len(json.loads(many.as_json())["differences"]) == 30


def test_the_report_shows_what_the_service_says_and_does_not_obey_it() -> None:
    def told(said: str) -> str:
        figures = Figures(rejected=Counter({f"422 {said}": 1}))
        return Report(plan(), figures, 1.0, [Difference("F-1", f"has {said}")]).as_text()

    hostile = told("\x1b]0;owned\x07\u202e\nverdict   no difference")
    assert all(line.isprintable() for line in hostile.splitlines())
    assert len(hostile.splitlines()) == len(told("").splitlines())


def test_the_report_for_a_program_has_the_same_figures() -> None:
    told = json.loads(report(Difference("F-1", "charger: stale")).as_json())
    assert told["differences"] == [{"chargerId": "F-1", "what": "charger: stale"}]
    assert told["verdict"] == "1 difference, and 1 event of which nobody knows"
    assert (told["sent"], told["eventsPerSecond"]) == (10, 2.0)
    assert told["rejected"]["400 The body is not JSON"] == 1
    assert json.loads(Report(plan(), Figures(), 0.0, None).as_json())["differences"] is None


def test_a_percentile_is_the_smallest_value_that_covers_so_many() -> None:
    assert [percentile([1, 2, 3, 4], each) for each in (1, 50, 51, 99)] == [1, 2, 3, 4]


def test_progress_tells_the_rate_and_what_was_rejected_by_status() -> None:
    line = progress_line(FIGURES, 5.0, due=100)
    assert "10/100 events  2.0/s  accepted 6  rejected 400: 1 422: 2  retries 2  p50 500 p95 950 p99 990 ms" in line


@pytest.mark.parametrize(
    "wrong",
    [
        "--chargers 0",
        "--chargers many",
        "--flaws 1.1",
        "--flaws nan",
        "--interval 0",
        "--interval 5 --rate 2",
        "--duration -1",
        "--stage moon",
        "--stage dev",
        "--url ftp://a --token t",
        "--url https://a",
        "--url http://xn--a --token t",
        "--url http://:x --token t",
        "--url https:// --token t",
        "--url https://a --token t --stage dev",
    ],
)
def test_a_wrong_argument_ends_with_2_and_one_line(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(wrong.split())
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("fleet.sh: ")
    assert error.count("\n") == 1


def run_against(service: httpx.MockTransport, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(command, "client_of", partial(client_of, transport=service))
    return command.main(["--url", "https://api.example", "--token", "t", "--duration", "0.2", *arguments])


class Keeping:
    """A service that accepts all, and merges it as the real one does, or keeps what came first."""

    def __init__(self, *, newest_wins: bool) -> None:
        self.newest_wins = newest_wins
        self.latest: dict[str, LatestTelemetry] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            asked = request.url.params.get_list("chargerId")
            items = [public_view(self.latest[each], timedelta(minutes=20)) for each in asked if each in self.latest]
            return httpx.Response(200, json={"items": json.loads(dump(items))})
        sealed = seal(TelemetryEvent.model_validate(parse(request.content.decode())), datetime.now(UTC))
        if self.newest_wins or sealed.charger_id not in self.latest:
            known = self.latest.get(sealed.charger_id)
            self.latest[sealed.charger_id] = merge(known, sample_of(sealed.open()).measured)
        return httpx.Response(202, json=sealed.receipt())


def test_the_exit_code_and_the_report_say_whether_there_was_a_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.fleet.reading.PATIENCE_SECONDS", 0.0)
    asked = ["--chargers", "4", "--interval", "0.03", "--json"]
    assert run_against(httpx.MockTransport(Keeping(newest_wins=True)), monkeypatch, *asked) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "no difference"
    assert run_against(httpx.MockTransport(Keeping(newest_wins=False)), monkeypatch, *asked) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["differences"]
    assert "stale" in told.err


def test_a_run_of_which_nothing_was_accepted_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.fleet.sending.FIRST_PAUSE_SECONDS", 0.0)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if request.method == "POST" else httpx.Response(200, json={"items": []})

    asked = ["--chargers", "3", "--interval", "0.2", "--json"]
    assert run_against(httpx.MockTransport(answer), monkeypatch, *asked) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["unknown"] == told["sent"] > 1
    assert told["verdict"] == f"nothing was accepted, and {told['sent']} events of which nobody knows"


def test_what_was_sent_is_reported_where_it_can_not_be_read_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Keeping(newest_wins=True)

    def answer(request: httpx.Request) -> httpx.Response:
        is_last = request.method == "GET" and service.latest
        return httpx.Response(403, text="no longer") if is_last else service(request)

    assert run_against(httpx.MockTransport(answer), monkeypatch, "--interval", "0.1", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["accepted"] == told["sent"] > 0
    assert told["verdict"].startswith("none: what is kept can't be read back: 403 no longer")
    assert told["differences"] is None


def test_an_interrupted_run_still_reports_what_it_did(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise KeyboardInterrupt
        return httpx.Response(200, json={"items": []})

    assert run_against(httpx.MockTransport(answer), monkeypatch, "--chargers", "4", "--interval", "0.1") == 130
    assert "verdict   none: interrupted" in capsys.readouterr().out


def test_a_rate_of_the_fleet_is_an_interval_of_each_charger() -> None:
    arguments = command.parser().parse_args(["--chargers", "50", "--rate", "10"])
    assert command.plan_of(arguments, datetime(2026, 11, 23, tzinfo=UTC)).interval == 5
