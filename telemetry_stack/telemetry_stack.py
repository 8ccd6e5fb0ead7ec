"""The stack: what it is composed of, and what each part may do to another."""

from aws_cdk import App, CfnOutput, CliCredentialsStackSynthesizer, Duration, Environment, RemovalPolicy, Stack, Tags

from telemetry_stack.constructs.authentication import Authentication
from telemetry_stack.constructs.bundling import LambdaBundle
from telemetry_stack.constructs.gradual_deployment import GradualDeployment
from telemetry_stack.constructs.latest_telemetry_table import LatestTelemetryTable
from telemetry_stack.constructs.metrics import Watched
from telemetry_stack.constructs.monitoring import Monitoring
from telemetry_stack.constructs.operations import Operations
from telemetry_stack.constructs.telemetry_api import TelemetryApi
from telemetry_stack.constructs.telemetry_function import FunctionPlatform, TelemetryFunction
from telemetry_stack.constructs.telemetry_processor import PROCESSOR_TIMEOUT, TelemetryProcessor
from telemetry_stack.constructs.telemetry_queue import TelemetryQueue
from telemetry_stack.stages import AwsOnly, StageSettings

# API Gateway gives up on a function after 30 s, and a charger long before.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
API_FUNCTION_TIMEOUT = Duration.seconds(10)

SQS_KEYS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html"
SQS_VISIBILITY = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html"
)
SQS_EVENT_SOURCE = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
TABLE_KEYS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"


class TelemetryStack(Stack):
    """Telemetry from the chargers' HTTP requests to the latest telemetry that dashboards read.

    Args:
        app: the CDK app.
        settings: the stage that is deployed.
        bundle: the code of the functions.
    """

    def __init__(self, app: App, *, settings: StageSettings, bundle: LambdaBundle) -> None:
        super().__init__(
            app,
            "Telemetry",
            stack_name=settings.stack_name,
            description=f"Telemetry of EV chargers: ingest, latest telemetry, query (stage {settings.name})",
            env=Environment(account=settings.account, region=settings.region),
            termination_protection=settings.deletion_protection,
            synthesizer=CliCredentialsStackSynthesizer() if AwsOnly.BOOTSTRAP_ROLES in settings.left_out else None,
        )
        Tags.of(self).add("project", "telemetry-foundation")
        Tags.of(self).add("stage", settings.name)
        removal_policy = RemovalPolicy.RETAIN if settings.retain_data else RemovalPolicy.DESTROY
        tls_only = AwsOnly.TLS_POLICIES not in settings.left_out

        operations = Operations(
            self,
            "Operations",
            log_retention_days=settings.log_retention_days,
            removal_policy=removal_policy,
        )
        platform = FunctionPlatform(settings=settings, code=bundle.code(), operations=operations)
        auth = Authentication(self, "Auth", settings=settings, removal_policy=removal_policy)
        self._queue = TelemetryQueue(
            self,
            "Queue",
            processor_timeout=PROCESSOR_TIMEOUT,
            tls_only=tls_only,
            removal_policy=removal_policy,
            operator_roles=settings.operator_roles,
        )
        self._table = LatestTelemetryTable(
            self,
            "LatestTelemetry",
            capacity=settings.table_capacity,
            removal_policy=removal_policy,
            deletion_protection=settings.deletion_protection,
            point_in_time_recovery=settings.point_in_time_recovery,
            tls_only=tls_only,
            operator_roles=settings.operator_roles,
        )
        self._ingest = TelemetryFunction(
            self,
            "Ingest",
            platform=platform,
            service="ingest",
            timeout=API_FUNCTION_TIMEOUT,
            memory_mb=settings.memory.ingest_mb,
            environment={"QUEUE_URL": self._queue.queue.queue_url, **auth.variables},
        )
        self._query = TelemetryFunction(
            self,
            "Query",
            platform=platform,
            service="query",
            timeout=API_FUNCTION_TIMEOUT,
            memory_mb=settings.memory.query_mb,
            environment={
                "TABLE_NAME": self._table.table_name,
                "STALE_AFTER_MINUTES": str(settings.stale_after_minutes),
                **auth.variables,
            },
        )
        processor = TelemetryProcessor(
            self,
            "Processor",
            platform=platform,
            queue=self._queue.queue,
            dead_letter_queue=self._queue.dead_letter_queue,
            table_name=self._table.table_name,
        )
        self._processor = processor.function
        self._api = TelemetryApi(
            self,
            "Api",
            settings=settings,
            authorizer=auth.authorizer,
            ingest=self._ingest,
            query=self._query,
            operations=operations,
        )
        self._monitoring = Monitoring(
            self,
            "Monitoring",
            settings=settings,
            operations=operations,
            tls_only=tls_only,
            watched=Watched(
                stage=settings.name,
                api_id=self._api.api_id,
                access_log=self._api.access_log,
                queue=self._queue.queue,
                dead_letter_queue=self._queue.dead_letter_queue,
                table_name=self._table.table_name,
                ingest=self._ingest,
                processor=self._processor,
                query=self._query,
            ),
        )
        # All have one, or none.
        ingest_alias, processor_alias, query_alias = self._ingest.alias, self._processor.alias, self._query.alias
        if ingest_alias and processor_alias and query_alias:
            GradualDeployment(
                self,
                "Deployment",
                stage=settings.name,
                alarms=self._monitoring.alarms,
                ingest=ingest_alias,
                processor=processor_alias,
                query=query_alias,
            )
        self._grant()
        self._output()

    def _grant(self) -> None:
        """Say what each function may do: exact actions on exact resources, all of it here."""
        queue, dead_letters, table = self._queue.queue, self._queue.dead_letter_queue, self._table

        self._ingest.allow("sqs:SendMessage", on=queue.queue_arn, why="It puts accepted events on the queue")
        self._ingest.allow_key(
            "kms:GenerateDataKey",
            "kms:Decrypt",
            key=self._queue.key,
            why=f"A producer of an encrypted queue needs both ({SQS_KEYS})",
        )

        self._processor.allow(
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            on=queue.queue_arn,
            why=f"Lambda's event source takes messages off the queue in the function's name ({SQS_EVENT_SOURCE})",
        )
        self._processor.allow(
            "sqs:ChangeMessageVisibility",
            on=queue.queue_arn,
            why=f"Lambda's event source takes messages off the queue in the function's name ({SQS_EVENT_SOURCE}), and "
            f"the function lets what failed come back before the queue's own visibility timeout ({SQS_VISIBILITY})",
        )
        self._processor.allow(
            "sqs:SendMessage", on=dead_letters.queue_arn, why="It moves what can never be processed to the DLQ at once"
        )
        self._processor.allow_key(
            "kms:GenerateDataKey",
            "kms:Decrypt",
            key=self._queue.key,
            why=f"It consumes an encrypted queue and produces to the encrypted DLQ ({SQS_KEYS})",
        )
        self._processor.allow(
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            on=table.table_arn,
            why="It reads what is stored of a batch's chargers, and writes what the merge makes of it",
        )
        self._processor.allow_key(
            "kms:DescribeKey",
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
            key=table.key,
            why=f"DynamoDB uses the table's key in the name of who reads and writes ({TABLE_KEYS})",
        )

        self._query.allow("dynamodb:BatchGetItem", on=table.table_arn, why="It reads the latest telemetry of chargers")
        self._query.allow_key(
            "kms:DescribeKey",
            "kms:Decrypt",
            key=table.key,
            why=f"DynamoDB uses the table's key in the name of who reads ({TABLE_KEYS})",
        )

    def _output(self) -> None:
        outputs = {
            "ApiUrl": self._api.url,
            "TableName": self._table.table_name,
            "QueueUrl": self._queue.queue.queue_url,
            "DeadLetterQueueUrl": self._queue.dead_letter_queue.queue_url,
            "IngestFunctionName": self._ingest.function.function_name,
            "ProcessorFunctionName": self._processor.function.function_name,
            "QueryFunctionName": self._query.function.function_name,
            # For who operates it.
            "DashboardName": self._monitoring.dashboard_name,
            # For the runbook.
            "AccessLogName": self._api.access_log.log_group_name,
            "IngestLogName": self._ingest.log.log_group_name,
            "ProcessorLogName": self._processor.log.log_group_name,
            "QueryLogName": self._query.log.log_group_name,
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
