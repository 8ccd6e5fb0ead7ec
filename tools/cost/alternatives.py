"""What the same events cost in other designs on AWS, from the same prices: an order of magnitude, not a plan."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from tools.cost.designs import REFERENCES, STRAIGHTFORWARD
from tools.cost.model import API, INGEST, MONTH_HOURS, MONTH_SECONDS, TABLE, XRAY, Fleet, Use, uses_of
from tools.cost.prices import PriceBook

# Of a provisioned shard. https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
SHARD_RECORDS_PER_SECOND = 1000
# The most of a batch of Kinesis that Lambda takes. https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
KINESIS_BATCH = 10_000
# Of a capacity unit of an Application Load Balancer, for connections that stay open.
# https://aws.amazon.com/elasticloadbalancing/pricing/
CONNECTIONS_PER_UNIT = 3000
TASKS, TASK_VCPU, TASK_GB = 2, 1, 2
# Two of the tasks, and two of the load balancer, which needs two zones.
ADDRESSES = 4
REQUESTS_PER_TASK = 500
TABLE_TARGET = 0.7
WAF_RULES = 5
INVOCATION_GB_SECONDS = 0.25 * 0.5


@dataclass(frozen=True)
class Alternative:
    """Another design.

    Attributes:
        name: what people call it.
        lacks: what it does not do that ours does, or what is assumed of it.
        uses: what it uses in a month.
    """

    name: str
    lacks: str
    uses: Callable[[Fleet, PriceBook], Sequence[Use]]


def _written(fleet: Fleet) -> Use:
    return Use(TABLE, "a write for each event", "dynamodb_write_request", fleet.events)


def _iot_basic_ingest(fleet: Fleet, _: PriceBook) -> list[Use]:
    minutes = fleet.chargers * MONTH_SECONDS / 60
    return [
        Use("IoT Core", "connections", "iot_connection_minute", minutes),
        Use("IoT Core", "rules and their actions", "iot_rule", 2 * fleet.events),
        _written(fleet),
    ]


def _iot_rule(fleet: Fleet, book: PriceBook) -> list[Use]:
    return [Use("IoT Core", "messages", "iot_message", fleet.events), *_iot_basic_ingest(fleet, book)]


def _kinesis(fleet: Fleet, _: PriceBook) -> list[Use]:
    shards = ceil(fleet.events_per_second / SHARD_RECORDS_PER_SECOND)
    invocations = fleet.events / KINESIS_BATCH
    return [
        Use(API, "requests", "http_api_request", fleet.events),
        Use("Kinesis", "records", "kinesis_put", fleet.events),
        Use("Kinesis", "shards", "kinesis_shard", shards * MONTH_HOURS),
        Use("Lambda", "invocations", "lambda_request", invocations),
        # As long for each event as in a full batch of the queue.
        Use("Lambda", "time", "lambda_gb_second", fleet.events * INVOCATION_GB_SECONDS / 100),
        _written(fleet),
    ]


def _straight_to_sqs(fleet: Fleet, book: PriceBook) -> list[Use]:
    (quiet,) = (each.design for each in REFERENCES if each.design.name.startswith("+ logs"))
    return [use for use in uses_of(quiet, fleet, book) if use.component != INGEST and use.what != "log of ingest"]


def _fargate(fleet: Fleet, _: PriceBook) -> list[Use]:
    tasks = max(TASKS, ceil(fleet.events_per_second / REQUESTS_PER_TASK))
    return [
        Use("Fargate", "vCPU", "fargate_vcpu", tasks * TASK_VCPU * MONTH_HOURS),
        Use("Fargate", "memory", "fargate_memory", tasks * TASK_GB * MONTH_HOURS),
        Use("Load balancer", "hours", "load_balancer", MONTH_HOURS),
        Use(
            "Load balancer",
            "open connections",
            "load_balancer_unit",
            fleet.chargers / CONNECTIONS_PER_UNIT * MONTH_HOURS,
        ),
        Use("Load balancer", "public addresses", "public_address", (ADDRESSES + tasks - TASKS) * MONTH_HOURS),
        Use(TABLE, "a write for each event", "dynamodb_write_capacity", fleet.events / 3600 / TABLE_TARGET),
    ]


def _rest(fleet: Fleet, book: PriceBook) -> list[Use]:
    def changed() -> Iterator[Use]:
        for use in uses_of(STRAIGHTFORWARD, fleet, book):
            yield replace(use, price="rest_api_request") if use.component == API else use

    batches = STRAIGHTFORWARD.batches_per_second(fleet) * MONTH_SECONDS
    return [
        *changed(),
        Use("WAF", "web ACL", "waf_acl", 1, fixed=True),
        Use("WAF", "rules", "waf_rule", WAF_RULES, fixed=True),
        Use("WAF", "requests", "waf_request", fleet.events),
        Use(XRAY, "traces of all", "trace", fleet.events + batches),
    ]


def _straightforward(fleet: Fleet, book: PriceBook) -> list[Use]:
    return list(uses_of(STRAIGHTFORWARD, fleet, book))


ALTERNATIVES = (
    Alternative(
        "straightforward",
        "what most would write: the same parts, a message, a write, log lines and metrics for each event",
        _straightforward,
    ),
    Alternative(
        "REST API, WAF, X-Ray on all",
        "the straightforward one behind them, with five rules and each request traced",
        _rest,
    ),
    Alternative(
        "HTTP API straight to SQS",
        "nothing is validated or authorised by charger, no batches; 10 messages for each invocation",
        _straight_to_sqs,
    ),
    Alternative(
        "AWS IoT Core, a rule to DynamoDB",
        "MQTT; no order, no merge, no business rules: the last to come wins",
        _iot_rule,
    ),
    Alternative("AWS IoT Core, Basic Ingest", "the same without the message broker", _iot_basic_ingest),
    Alternative(
        "HTTP API to Kinesis",
        "a shard in order, and an event that fails holds back the others of its shard; a write for each event",
        _kinesis,
    ),
    Alternative(
        "two Fargate tasks and a load balancer",
        "containers to run and patch, no queue: an outage of the table is an outage; a provisioned table at 70 %",
        _fargate,
    ),
)
