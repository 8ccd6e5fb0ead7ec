"""The dashboard: it reads from top to bottom as the path of an event, from its charger to whoever asks for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from telemetry.rules import RULES
from telemetry_stack.constructs.metrics import MINUTE, PERIOD, Watched, bytes_of
from telemetry_stack.constructs.telemetry_api import ROUTES
from telemetry_stack.constructs.telemetry_function import TelemetryFunction

# What the functions keep apart in their metrics is of closed sets, which tests/stack/test_emitted_metrics.py holds to
# what they emit: the `reason` of lambdas/telemetry/errors.py.
REJECTED = ("not_json", "broken_gzip", "too_large", "media_type", "invalid", "forbidden")
DEAD_LETTERED = ("unreadable_message", "invalid", "item_refused", "unexpected_fault")
QUERY_REFUSED = (
    "forbidden",
    "invalid_charger_id",
    "invalid_query",
    "no_telemetry",
    "table_unavailable",
    "stored_item_unreadable",
)
FINDINGS = tuple(rule.code for rule in RULES)

FULL_WIDTH = 24
GRAPH_HEIGHT = 6
PERCENTILES = ("p50", "p99")


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A graph: its title, each metric by the name that it has there, and whether they are parts of a whole."""

    title: str
    metrics: Mapping[str, cloudwatch.Metric | cloudwatch.MathExpression]
    unit: str | None = None
    stacked: bool = False


class TelemetryDashboard(Construct):
    """A dashboard of all that the stack does, and of what makes it cost.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        watched: the resources that it shows.
        throttled: the requests that API Gateway answered with 429.
        refused: those that were answered with 401 or 403.
        alarms: those of the stack.
        runbook_url: where it says what to do.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is something that it shows
        self,
        scope: Construct,
        construct_id: str,
        *,
        watched: Watched,
        throttled: cloudwatch.Metric,
        refused: cloudwatch.Metric,
        alarms: Sequence[cloudwatch.IAlarm],
        runbook_url: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._watched = watched
        self._dashboard = cloudwatch.Dashboard(self, "Dashboard")
        self._say(
            f"# Telemetry {watched.stage}\nFrom top to bottom: the path of an event. "
            f"[What to do when an alarm rings]({runbook_url})"
        )
        self._add(
            cloudwatch.AlarmStatusWidget(
                title="Alarms",
                alarms=list(alarms),
                width=FULL_WIDTH,
                height=4,
                sort_by=cloudwatch.AlarmStatusWidgetSortBy.TIMESTAMP,
            )
        )
        self._show_traffic(throttled, refused)
        self._show_acceptance()
        self._show_queue()
        self._show_processing()
        self._show_findings()
        self._show_latency()
        self._show_dead_letters()
        self._show_queries()
        self._show_cost_drivers()

    @property
    def name(self) -> str:
        """The dashboard's name in CloudWatch."""
        return self._dashboard.dashboard_name

    def _show_traffic(self, throttled: cloudwatch.Metric, refused: cloudwatch.Metric) -> None:
        of_api, functions = self._watched.of_api, self._watched.functions
        self._section(
            "Traffic",
            "Requests of chargers and dashboards, as API Gateway and Lambda count them.",
            Graph(
                title="Requests",
                metrics={
                    "all": of_api("Count"),
                    "401 and 403": refused,
                    "429": throttled,
                    "4xx": of_api("4xx"),
                    "5xx": of_api("5xx"),
                },
            ),
            Graph(
                title="Invocations",
                metrics={name: each.function.metric_invocations() for name, each in functions.items()},
            ),
            Graph(
                title="Invocations that failed, or that Lambda refused",
                metrics={f"{name}, failed": each.function.metric_errors() for name, each in functions.items()}
                | {f"{name}, refused": each.function.metric_throttles() for name, each in functions.items()},
            ),
        )

    def _show_acceptance(self) -> None:
        counted = self._watched.counted
        foreign = {
            route.key: counted("AccessRefused", route.service, route=route.key) for route in ROUTES if route.scope
        }
        self._section(
            "Accepted and rejected",
            "What was rejected its sender has to mend; what SQS refused its sender sends again.",
            Graph(title="Events accepted", metrics={"accepted": counted("EventsAccepted", "ingest")}),
            Graph(
                title="Events rejected, by reason",
                metrics={reason: counted("EventsRejected", "ingest", reason=reason) for reason in REJECTED},
                stacked=True,
            ),
            Graph(title="Requests about a charger that is not the token's", metrics=foreign, stacked=True),
            Graph(title="Sends that SQS refused", metrics={"refused": counted("SendsRefused", "ingest")}),
        )

    def _show_queue(self) -> None:
        queue = self._watched.queue
        self._section(
            "Queue",
            "In health it is empty within a second.",
            Graph(
                title="Messages on the queue",
                metrics={
                    "waiting": queue.metric_approximate_number_of_messages_visible(period=MINUTE),
                    "being processed": queue.metric_approximate_number_of_messages_not_visible(period=MINUTE),
                },
                stacked=True,
            ),
            Graph(
                title="Age of the oldest message, less those that come back time and again",
                metrics={"age": queue.metric_approximate_age_of_oldest_message(period=MINUTE)},
                unit="seconds",
            ),
        )

    def _show_processing(self) -> None:
        counted = self._watched.counted
        self._section(
            "Processed",
            "Stale is what is older than what is stored, and no error. What failed is delivered again.",
            Graph(
                title="Events processed",
                metrics={
                    "stored": counted("EventsStored", "processor"),
                    "stale": counted("EventsStale", "processor"),
                    "failed": counted("EventsFailed", "processor"),
                },
            ),
            Graph(
                title="Requests that DynamoDB throttled",
                metrics={
                    "reads": self._watched.of_table("ReadThrottleEvents"),
                    "writes": self._watched.of_table("WriteThrottleEvents"),
                },
            ),
            Graph(
                title="Receives of what failed, at most",
                metrics={"receives": counted("ReceivesOfFailed", "processor", "Maximum")},
            ),
            Graph(title="Values of an unknown unit", metrics={"values": counted("UnknownUnits", "processor")}),
        )

    def _show_findings(self) -> None:
        counted = self._watched.counted
        self._section(
            "Findings",
            "Rules judge an event that is the newest of its charger or connector.",
            Graph(
                title="Share of events with findings",
                metrics={"share": counted("EventsWithFindings", "processor", "Average")},
            ),
            Graph(
                title="Findings, by code",
                metrics={code: counted("Findings", "processor", code=code) for code in FINDINGS},
                stacked=True,
            ),
        )

    def _show_latency(self) -> None:
        watched = self._watched
        hops: dict[str, Callable[[str], cloudwatch.Metric]] = {
            "API Gateway, request to answer": lambda each: watched.of_api("Latency", each),
            "Ingest": lambda each: watched.ingest.function.metric_duration(statistic=each),
            "Accepted to stored": lambda each: watched.counted("IngestToStored", "processor", each),
            "Processor, a batch": lambda each: watched.processor.function.metric_duration(statistic=each),
            "Query": lambda each: watched.query.function.metric_duration(statistic=each),
        }
        self._section(
            "Latency, hop by hop",
            "What half have to wait, and what one in a hundred does. API Gateway's is of all routes, with cold starts.",
            *(
                Graph(title=hop, metrics={each: metric(each) for each in PERCENTILES}, unit="milliseconds")
                for hop, metric in hops.items()
            ),
        )

    def _show_dead_letters(self) -> None:
        counted, dead_letters = self._watched.counted, self._watched.dead_letter_queue
        self._section(
            "Dead-letter queue",
            "What can never be processed as it is waits here for somebody, for 14 days.",
            Graph(
                title="Messages in it",
                metrics={"messages": dead_letters.metric_approximate_number_of_messages_visible(period=MINUTE)},
            ),
            Graph(
                title="Age of the oldest",
                metrics={"age": dead_letters.metric_approximate_age_of_oldest_message(period=MINUTE)},
                unit="seconds",
            ),
            Graph(
                title="Events moved to it, by reason",
                metrics={reason: counted("EventsDeadLettered", "processor", reason=reason) for reason in DEAD_LETTERED},
                stacked=True,
            ),
        )

    def _show_queries(self) -> None:
        counted = self._watched.counted
        self._section(
            "Queries",
            "Where the path ends: what dashboards were not answered.",
            Graph(
                title="Queries refused, by reason",
                metrics={reason: counted("QueriesRefused", "query", reason=reason) for reason in QUERY_REFUSED},
                stacked=True,
            ),
        )

    def _show_cost_drivers(self) -> None:
        watched, queue = self._watched, self._watched.queue
        log_groups = {name: each.log for name, each in watched.functions.items()} | {"Access": watched.access_log}
        self._section(
            "Cost drivers",
            "What AWS bills by. Lambda bills cold starts, too; a request to SQS can have 10 messages.",
            Graph(
                title="Lambda, GB-seconds",
                metrics={name: _gigabyte_seconds(name, each) for name, each in watched.functions.items()},
                stacked=True,
            ),
            Graph(title="API Gateway, bytes", metrics={"in and out": watched.of_api("DataProcessed")}),
            Graph(
                title="SQS, messages and empty receives",
                metrics={
                    "sent": queue.metric_number_of_messages_sent(),
                    "received": queue.metric_number_of_messages_received(),
                    "deleted": queue.metric_number_of_messages_deleted(),
                    "empty receives": queue.metric_number_of_empty_receives(),
                },
            ),
            Graph(
                title="DynamoDB, capacity units",
                metrics={
                    "reads": watched.of_table("ConsumedReadCapacityUnits"),
                    "writes": watched.of_table("ConsumedWriteCapacityUnits"),
                },
            ),
            Graph(
                title="Logs, bytes",
                metrics={name: bytes_of(each) for name, each in log_groups.items()},
                stacked=True,
            ),
        )

    def _section(self, title: str, says: str, *graphs: Graph) -> None:
        """Add a heading with what to know about it, and below it graphs side by side."""
        self._say(f"## {title}\n{says}")
        self._add(
            *(
                cloudwatch.GraphWidget(
                    title=graph.title,
                    left=[cast("cloudwatch.IMetric", each.with_(label=name)) for name, each in graph.metrics.items()],
                    left_y_axis=cloudwatch.YAxisProps(min=0, label=graph.unit, show_units=False),
                    stacked=graph.stacked,
                    width=FULL_WIDTH // len(graphs),
                    height=GRAPH_HEIGHT,
                )
                for graph in graphs
            )
        )

    def _say(self, markdown: str) -> None:
        self._add(cloudwatch.TextWidget(markdown=markdown, width=FULL_WIDTH, height=2))

    def _add(self, *widgets: cloudwatch.ConcreteWidget) -> None:
        self._dashboard.add_widgets(*(cast("cloudwatch.IWidget", each) for each in widgets))


def _gigabyte_seconds(name: str, function: TelemetryFunction) -> cloudwatch.MathExpression:
    """Return what Lambda bills by, but for cold starts: CloudWatch has the duration alone, in milliseconds."""
    duration = cast("cloudwatch.IMetric", function.function.metric_duration(statistic="Sum", period=PERIOD))
    return cloudwatch.MathExpression(
        expression=f"{name.lower()} / 1000 * {function.memory_mb / 1024}",
        using_metrics={name.lower(): duration},
        period=PERIOD,
    )
