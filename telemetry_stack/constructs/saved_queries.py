"""Questions that are asked of the logs again and again, saved for CloudWatch Logs Insights."""

from aws_cdk import Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from telemetry_stack.constructs.metrics import Watched

PLACEHOLDER = "PASTE-THE-ID-HERE"


class SavedQueries(Construct):
    """Queries of the access log and of what the functions log, in a folder with the stack's name.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        watched: the resources whose logs are asked.
    """

    def __init__(self, scope: Construct, construct_id: str, *, watched: Watched) -> None:
        super().__init__(scope, construct_id)
        access_log = watched.access_log
        self._save(
            "ByCorrelationId",
            "One event by correlation id",
            logs.QueryString(
                fields=["@timestamp", "service", "level", "message", "routeKey", "status", "@message"],
                filter_statements=[f'requestId = "{PLACEHOLDER}" or correlationId = "{PLACEHOLDER}"'],
                sort="@timestamp asc",
                limit=1000,
            ),
            access_log,
            *(each.log for each in watched.functions.values()),
        )
        self._save(
            "RejectsByCharger",
            "Rejected events by charger",
            logs.QueryString(
                filter_statements=['message = "events rejected"'],
                stats_statements=["sum(events) as rejected, latest(correlationId) as lastRequest by chargerId, reason"],
                sort="rejected desc",
                limit=100,
            ),
            watched.ingest.log,
        )
        self._save(
            "SlowestRequests",
            "Slowest requests",
            logs.QueryString(
                fields=["@timestamp", "routeKey", "status", "responseLatency", "integrationLatency", "requestId"],
                sort="responseLatency desc",
                limit=100,
            ),
            access_log,
        )

    def _save(self, construct_id: str, title: str, query: logs.QueryString, *asked: logs.ILogGroup) -> None:
        logs.QueryDefinition(
            self,
            construct_id,
            # CloudFormation makes up no name for it; what stands before a slash is a folder.
            query_definition_name=f"{Stack.of(self).stack_name}/{title}",
            query_string=query,
            log_groups=list(asked),
        )
