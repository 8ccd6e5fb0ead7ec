"""Every metric that an alarm, the dashboard or a metric filter names is emitted, with exactly those dimensions.

Our own metrics are those that the functions print when they are run; AWS's are those of `tests/stack/aws_metrics.py`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import pytest

from telemetry.rules import RULES
from tests.stack.aws_metrics import AWS_METRICS, is_of_aws
from tests.stack.synthesis import ROOT, Synthesis
from tests.stack.test_monitoring import alarms_of
from tests.unit.every_path import ENVIRONMENT, Lines, Service, printed_by_each
from tools.architecture import references

VERSION = "version"


class Metric(NamedTuple):
    """A metric, with its dimensions; what refers to a resource is a text."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @property
    def is_of_aws(self) -> bool:
        return self.namespace.startswith("AWS/")


@pytest.fixture(scope="module")
def printed_by() -> dict[Service, Lines]:
    """The lines that each function prints on every path."""
    return printed_by_each()


def text_of(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def metric_of(namespace: str, name: str, dimensions: Mapping[str, object]) -> Metric:
    return Metric(namespace, name, frozenset((key, text_of(value)) for key, value in dimensions.items()))


def of_alarms(synthesis: Synthesis) -> Iterator[Metric]:
    for alarm in synthesis.of_type("AWS::CloudWatch::Alarm").values():
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        yield metric_of(alarm["Namespace"], alarm["MetricName"], dimensions)


def dashboard_of(synthesis: Synthesis) -> dict[str, Any]:
    """The dashboard's body, with a text in the place of each reference to a resource."""
    (_, parts) = synthesis.only("AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"]
    return json.loads("".join(part if isinstance(part, str) else json.dumps(text_of(part))[1:-1] for part in parts))


def of_dashboard(synthesis: Synthesis) -> Iterator[Metric]:
    for widget in dashboard_of(synthesis)["widgets"]:
        for row in widget["properties"].get("metrics", ()):
            namespace, *rest = (each for each in row if isinstance(each, str)) if isinstance(row[0], str) else ("",)
            if namespace:
                name, *pairs = rest
                yield metric_of(namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True)))


def of_metric_filters(synthesis: Synthesis) -> Iterator[Metric]:
    """What the metric filters make of the access log, all lines of which have the stage's own name."""
    for metric_filter in synthesis.of_type("AWS::Logs::MetricFilter").values():
        (made,) = metric_filter["MetricTransformations"]
        line = json.loads(synthesis.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
        dimensions = {each["Key"]: line[each["Value"].removeprefix("$.")] for each in made["Dimensions"]}
        yield metric_of(made["MetricNamespace"], made["MetricName"], dimensions)


def of_functions(synthesis: Synthesis, printed_by: Mapping[Service, Lines]) -> Iterator[Metric]:
    """What the functions emit where their environment is the stack's."""
    for service, lines in printed_by.items():
        stacks: dict[str, str] = synthesis.function(service)["Environment"]["Variables"]
        replaced = {value: stacks[name] for name, value in ENVIRONMENT.items() if name != "CHARGERS_CLAIM"}
        for line in lines:
            for described in cast("dict[str, Any]", line.get("_aws", {})).get("CloudWatchMetrics", ()):
                (keys,) = described["Dimensions"]
                dimensions: dict[str, object] = {key: replaced.get(line[key], line[key]) for key in keys}
                if VERSION in dimensions:
                    dimensions[VERSION] = version_of(synthesis, service)
                for each in described["Metrics"]:
                    yield metric_of(replaced[described["Namespace"]], each["Name"], dimensions)


def version_of(synthesis: Synthesis, service: Service) -> object:
    """What Lambda calls the version of a function; one that is not deployed gradually has none of its own."""
    (function,) = (name for name in synthesis.of_type("AWS::Lambda::Function") if name.lower().startswith(service))
    versions = [
        logical_id
        for logical_id, version in synthesis.of_type("AWS::Lambda::Version").items()
        if version["FunctionName"] == {"Ref": function}
    ]
    return {"Fn::GetAtt": [versions[0], "Version"]} if versions else "$LATEST"


def with_every_code(emitted: Metric) -> Iterator[Metric]:
    """A metric by the code of a finding, for each code that a finding can have: that of its rule."""
    dimensions = dict(emitted.dimensions)
    for code in [rule.code for rule in RULES] if "code" in dimensions else [""]:
        yield metric_of(emitted.namespace, emitted.name, {**dimensions, **({"code": code} if code else {})})


def ours(synthesis: Synthesis, printed_by: Mapping[Service, Lines]) -> set[Metric]:
    emitted = {each for metric in of_functions(synthesis, printed_by) for each in with_every_code(metric)}
    return emitted | set(of_metric_filters(synthesis))


def test_every_metric_that_an_alarm_or_the_dashboard_names_is_emitted_with_those_dimensions(
    every_stage: Synthesis, printed_by: dict[Service, Lines]
) -> None:
    named = {*of_alarms(every_stage), *of_dashboard(every_stage)}
    own = {metric for metric in named if not metric.is_of_aws}
    assert own - ours(every_stage, printed_by) == set()
    for metric in named - own:
        assert is_of_aws(metric.namespace, metric.name, frozenset(key for key, _ in metric.dimensions)), metric


def test_the_dashboard_shows_every_metric_that_is_emitted_here(
    every_stage: Synthesis, printed_by: dict[Service, Lines]
) -> None:
    shown = {metric for metric in of_dashboard(every_stage) if not metric.is_of_aws}
    # What is counted by version is for the alarms of its deployment.
    lasting = {metric for metric in ours(every_stage, printed_by) if VERSION not in dict(metric.dimensions)}
    assert lasting == shown


def test_a_metric_of_aws_is_of_a_resource_of_this_stack(every_stage: Synthesis) -> None:
    for metric in {*of_alarms(every_stage), *of_dashboard(every_stage)}:
        for key, value in metric.dimensions:
            if metric.is_of_aws and key != "Operation":
                named = set(references(json.loads(value)))
                assert named, metric
                assert named <= every_stage.resources.keys(), metric


def test_the_list_of_aws_metrics_has_no_more_than_is_used(prod: Synthesis) -> None:
    used = {(each.namespace, each.name) for each in {*of_alarms(prod), *of_dashboard(prod)} if each.is_of_aws}
    assert used == {
        (namespace, name) for namespace, listed in AWS_METRICS.items() for each in listed for name in each.names
    }
    for each in (each for listed in AWS_METRICS.values() for each in listed):
        assert each.documentation.startswith("https://docs.aws.amazon.com/")


def test_the_dashboard_reads_from_top_to_bottom_as_the_path_of_an_event(every_stage: Synthesis) -> None:
    widgets = dashboard_of(every_stage)["widgets"]
    headings = [
        re.findall(r"^#+ (.+)$", each["properties"].get("markdown", ""), flags=re.MULTILINE) for each in widgets
    ]
    by_height = sorted(zip((each["y"] for each in widgets), headings, strict=True), key=lambda each: each[0])
    assert [heading for _, found in by_height for heading in found] == [
        f"Telemetry {every_stage.settings.name}",
        "Traffic",
        "Accepted and rejected",
        "Queue",
        "Processed",
        "Findings",
        "Latency, hop by hop",
        "Dead-letter queue",
        "Queries",
        "Cost drivers",
    ]
    (status,) = (each["properties"] for each in widgets if each["type"] == "alarm")
    assert len(status["alarms"]) == len(alarms_of(every_stage))
    assert every_stage.settings.runbook_url in widgets[0]["properties"]["markdown"]


def test_who_operates_a_stage_is_told_the_dashboards_name(every_stage: Synthesis) -> None:
    (dashboard,) = every_stage.of_type("AWS::CloudWatch::Dashboard")
    assert every_stage.template["Outputs"]["DashboardName"]["Value"] == {"Ref": dashboard}


def test_gigabyte_seconds_are_counted_by_the_memory_that_a_function_has(every_stage: Synthesis) -> None:
    expressions = [
        each[0]["expression"]
        for widget in dashboard_of(every_stage)["widgets"]
        for each in widget["properties"].get("metrics", ())
        if isinstance(each[0], dict)
    ]
    services: tuple[Service, ...] = ("ingest", "processor", "query")
    assert expressions == [
        f"{service} / 1000 * {every_stage.function(service)['MemorySize'] / 1024}" for service in services
    ]


def fields_of(query: str) -> set[str]:
    """The names of fields in a query: its words, but for commands, functions, texts and names that it gives itself."""
    words = set(re.findall(r"@?[A-Za-z]\w*", re.sub(r'"[^"]*"', "", query)))
    language = {"fields", "filter", "stats", "sort", "limit", "by", "as", "or", "asc", "desc", "sum", "latest"}
    return words - language - set(re.findall(r"\bas (\w+)", query)) - {"@timestamp", "@message"}


def test_saved_queries_ask_for_what_the_logs_have(prod: Synthesis, printed_by: dict[Service, Lines]) -> None:
    access_log: dict[str, str] = json.loads(prod.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    lines_of = {"ApiAccessLog713001CC": [access_log]} | {
        logical_id: [line for line in printed_by[service] if "_aws" not in line]
        for logical_id, service in cast(
            "dict[str, Service]",
            {"IngestLogs41B5EF21": "ingest", "ProcessorLogsD19891CB": "processor", "QueryLogsDCC6CC3B": "query"},
        ).items()
    }
    queries = {each["Name"]: each for each in prod.of_type("AWS::Logs::QueryDefinition").values()}
    assert {name: fields_of(query["QueryString"]) for name, query in queries.items()} == {
        "Telemetry-prod/One event by correlation id": {
            *("service", "level", "message", "routeKey", "status", "requestId", "correlationId")
        },
        "Telemetry-prod/Rejected events by charger": {"message", "events", "correlationId", "chargerId", "reason"},
        "Telemetry-prod/Slowest requests": {
            *("routeKey", "status", "responseLatency", "integrationLatency", "requestId")
        },
    }
    for query in queries.values():
        asked = [line for group in query["LogGroupNames"] for line in lines_of[group["Ref"]]]
        # What a query looks for in a message is in one.
        messages = set(re.findall(r'message = "([^"]+)"', query["QueryString"]))
        found = [line for line in asked if line.get("message") in messages] if messages else asked
        assert fields_of(query["QueryString"]) <= {field for line in found for field in line}


def test_the_access_log_and_the_functions_know_a_request_by_the_same_id(
    prod: Synthesis, printed_by: dict[Service, Lines]
) -> None:
    """API Gateway's id of a request is `requestContext.requestId` for a function, which logs it as `correlationId`."""
    line = json.loads(prod.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    assert line["requestId"] == "$context.requestId"
    posted = json.loads((ROOT / "tests" / "events" / "post_telemetry.json").read_text())["requestContext"]["requestId"]
    told = {line.get("correlationId") for line in printed_by["ingest"] if line.get("message") == "event accepted"}
    assert told == {posted}
