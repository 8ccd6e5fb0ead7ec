"""Prices out of AWS's price list: its files in the form that they have, cut down to what is looked for, and decoys.

The form, usage types and prices are those of the list of September and October 2026; the list itself was not at hand.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools.command_line import CommandError
from tools.cost import prices, refresh
from tools.cost.prices import PriceBook, load
from tools.cost.refresh import LIST, as_json, refreshed

BOOK = load()
Row = tuple[str, dict[str, str], list[tuple[str, str, str]]]


def offer(*rows: Row) -> dict[str, Any]:
    """An offer file with a product for each usage type, its attributes, and its tiers: from, to, USD."""
    file: dict[str, Any] = {
        "formatVersion": "v1.0",
        "publicationDate": "2026-10-08T12:44:08Z",
        "products": {},
        "terms": {"OnDemand": {}},
    }
    for number, (usage_type, attributes, tiers) in enumerate(rows):
        sku = f"SKU{number}"
        family = attributes.pop("productFamily", "API Request")
        file["products"][sku] = {
            "sku": sku,
            "productFamily": family,
            "attributes": {"usagetype": usage_type, "location": "US East (N. Virginia)", **attributes},
        }
        file["terms"]["OnDemand"][sku] = {
            f"{sku}.JRTCKXETXF": {
                "offerTermCode": "JRTCKXETXF",
                "priceDimensions": {
                    f"{sku}.JRTCKXETXF.{at}": {
                        "unit": "Requests",
                        "beginRange": begin,
                        "endRange": end,
                        "pricePerUnit": {"USD": usd},
                    }
                    for at, (begin, end, usd) in enumerate(tiers)
                },
            }
        }
    return file


def book_of(*names: str, region: str = "us-east-1") -> PriceBook:
    """The book with these prices in one region alone."""
    kept = {
        name: price.model_copy(update={"regions": {region: price.regions[region]}})
        for name, price in BOOK.prices.items()
        if name in names
    }
    return BOOK.model_copy(update={"prices": kept})


def taken(name: str, file: Mapping[str, Any], region: str = "us-east-1") -> list[tuple[float, float]]:
    book = book_of(name, region=region)
    code = BOOK.prices[name].offer
    assert code
    regional = refreshed(book, {(code, region): file}).prices[name].regions[region]
    assert (regional.known, regional.source) == ("read", LIST.format(offer=code, region=region))
    assert regional.date.isoformat() == "2026-10-08"
    return [(tier.above, tier.usd) for tier in regional.tiers]


def test_tiers_are_taken_in_order_whatever_the_order_in_the_list() -> None:
    file = offer(
        (
            "USE1-ApiGatewayHttpRequest",
            {"operation": "ApiGatewayHttpApi"},
            [("300000000", "Inf", "0.0000009000"), ("0", "300000000", "0.0000010000")],
        ),
        ("USE1-ApiGatewayRequest", {}, [("0", "333000000", "0.0000035000"), ("333000000", "Inf", "0.0000028000")]),
    )
    assert taken("http_api_request", file) == [(0, 1e-6), (3e8, 0.9e-6)]
    assert taken("rest_api_request", file) == [(0, 3.5e-6), (333e6, 2.8e-6)]


def test_a_price_is_found_by_its_exact_usage_type_with_or_without_the_region_before_it() -> None:
    rows: list[Row] = [
        ("Lambda-GB-Second", {}, [("0", "Inf", "0.0000166667")]),
        ("Lambda-GB-Second-ARM", {}, [("0", "Inf", "0.0000133334")]),
        ("Lambda-Provisioned-GB-Second-ARM", {}, [("0", "Inf", "0.0000077778")]),
    ]
    assert taken("lambda_gb_second", offer(*rows)) == [(0, 0.0000133334)]
    european = [(f"EUC1-{usage_type}", attributes, tiers) for usage_type, attributes, tiers in rows]
    assert taken("lambda_gb_second", offer(*european), "eu-central-1") == [(0, 0.0000133334)]
    with pytest.raises(CommandError, match=r"AWSLambda of eu-central-1, has no price for lambda_gb_second"):
        taken("lambda_gb_second", offer(*rows), "eu-central-1")


def test_fifo_requests_have_another_name_in_the_oldest_region() -> None:
    tiers = [("0", "100000000000", "0.0000005"), ("100000000000", "Inf", "0.0000004")]
    standard: Row = ("Requests-RBP", {"queueType": "Standard"}, [("0", "Inf", "0.0000004")])
    old = offer(("Requests-FIFO-RBP", {"queueType": "FIFO (first-in, first-out)"}, tiers), standard)
    other = offer(("EUC1-Requests-FIFO-Tier1", {"queueType": "FIFO (first-in, first-out)"}, tiers))
    assert taken("sqs_fifo_request", old) == taken("sqs_fifo_request", other, "eu-central-1")
    assert taken("sqs_fifo_request", old) == [(0, 5e-7), (1e11, 4e-7)]


def test_what_is_free_for_everybody_is_not_counted_on() -> None:
    file = offer(
        ("TimedStorage-ByteHrs", {}, [("0", "25", "0"), ("25", "Inf", "0.25")]),
        ("USE1-TimedStorage-ByteHrs", {}, [("0", "Inf", "0.25")]),
        ("IA-TimedStorage-ByteHrs", {}, [("0", "Inf", "0.1")]),
    )
    assert taken("dynamodb_storage", file) == [(0, 0.25)]


def test_one_usage_type_of_two_kinds_is_told_apart_by_attributes() -> None:
    file = offer(
        ("LoadBalancerUsage", {"productFamily": "Load Balancer"}, [("0", "Inf", "0.025")]),
        ("LoadBalancerUsage", {"productFamily": "Load Balancer-Application"}, [("0", "Inf", "0.0225")]),
    )
    assert taken("load_balancer", file) == [(0, 0.0225)]


def test_what_is_there_twice_at_two_prices_stops_it() -> None:
    file = offer(
        ("KMS-Keys", {}, [("0", "Inf", "1")]),
        ("us-east-1-KMS-Keys", {}, [("0", "Inf", "2")]),
    )
    with pytest.raises(CommandError, match=r"has 2 prices for kms_key .*nothing was written"):
        taken("kms_key", file)


@pytest.mark.parametrize(
    "tiers",
    [
        [("0", "10", "1")],
        [("0", "10", "1"), ("20", "Inf", "2")],
        [],
    ],
)
def test_tiers_that_do_not_join_stop_it(tiers: list[tuple[str, str, str]]) -> None:
    with pytest.raises(CommandError, match="tiers that do not join: nothing was written"):
        taken("kms_key", offer(("us-east-1-KMS-Keys", {}, tiers)))


def test_what_the_list_does_not_have_stays() -> None:
    book = book_of("dashboard")
    assert refreshed(book, {}) == book


def test_the_file_is_written_as_it_is_read() -> None:
    assert prices.text(as_json(BOOK)) == prices.FILE.read_text()


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of two prices, in place of the real one."""
    file = tmp_path / "prices.json"
    file.write_text(prices.text(as_json(book_of("kms_key", "dashboard"))))
    monkeypatch.setattr(prices, "FILE", file)
    monkeypatch.setattr(refresh, "FILE", file)
    return file


def answering(answer: httpx.Response, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **_: object) -> httpx.Response:
        answer.request = httpx.Request("GET", url)
        return answer

    monkeypatch.setattr(httpx, "get", get)


def test_the_command_writes_what_changed_and_says_so(
    own_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = offer(("us-east-1-KMS-Keys", {}, [("0", "Inf", "1.5")]))
    answering(httpx.Response(200, json=file), monkeypatch)
    assert refresh.main([]) == 0
    assert load().prices["kms_key"].regions["us-east-1"].tiers[0].usd == 1.5
    said = capsys.readouterr().out
    assert "kms_key in us-east-1: 1 is now 1.5" in said
    assert "look these up by hand: dashboard;" in said
    assert own_file.read_text().count("1.5") == 1


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(200, text="<html>")], ids=str)
def test_a_list_that_can_not_be_read_changes_nothing_and_ends_with_one_line(
    answer: httpx.Response,
    own_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = own_file.read_text()
    answering(answer, monkeypatch)
    assert refresh.main([]) == 1
    assert own_file.read_text() == before
    said = capsys.readouterr().err
    assert said.startswith("telemetry.sh prices: https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/awskms/")
    assert said.count("\n") == 1


def test_wrong_arguments_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        refresh.main(["--all"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_is_damaged_is_said_on_one_line(own_file: Path) -> None:
    content = json.loads(own_file.read_text())
    content["prices"]["kms_key"]["regions"]["us-east-1"]["tiers"] = []
    own_file.write_text(json.dumps(content))
    with pytest.raises(CommandError, match=r"prices\.json is damaged, restore it from git: [^\n]*tiers"):
        load()
