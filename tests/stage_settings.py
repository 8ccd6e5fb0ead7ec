"""Stage settings of the tests' own, since what `telemetry_stack/stages.py` says is a product team's to change."""

from telemetry_stack.stages import (
    Autoscaling,
    CognitoAuth,
    CustomDomain,
    FunctionMemory,
    NoAuth,
    ProvisionedCapacity,
    StageSettings,
    Throttle,
    TokenClient,
    TokenIssuer,
)


def changed(settings: StageSettings, **changes: object) -> StageSettings:
    """A stage with other values, checked as if it were written so."""
    return StageSettings.model_validate({**settings.model_dump(), **changes})


# With every setting that may be absent, and no value that a stage is shipped with.
FULL = StageSettings(
    name="prod",
    region="ap-southeast-2",
    account="111122223333",
    auth=TokenIssuer(
        url="https://login.charging.test/oauth2", audience=("fleet", "dashboards"), chargers_claim="custom:stations"
    ),
    custom_domain=CustomDomain(
        name="telemetry.charging.test",
        certificate_arn="arn:aws:acm:ap-southeast-2:111122223333:certificate/0a1b2c3d",
    ),
    cors_origins=("https://dashboard.charging.test", "https://localhost:8443"),
    ingest_throttle=Throttle(requests_per_second=701, burst=702),
    read_throttle=Throttle(requests_per_second=703, burst=704),
    processor_concurrency=33,
    table_capacity=ProvisionedCapacity(
        read=Autoscaling(minimum=11, maximum=1_100, target_percent=60),
        write=Autoscaling(minimum=22, maximum=2_200, target_percent=80),
    ),
    memory=FunctionMemory(ingest_mb=256, processor_mb=600, query_mb=1_769),
    snap_start=True,
    retention_days=45,
    stale_after_minutes=7,
    retain_data=True,
    deletion_protection=True,
    point_in_time_recovery=True,
    gradual_deployment=True,
    log_retention_days=180,
    alarm_emails=("on-call@charging.test", "operations@charging.test"),
    findings_alarm_percent=37,
    silence_alarm_minutes=14,
    runbook_url="https://wiki.charging.test/runbook",
)

# With a user pool of its own in place of the issuer.
COGNITO = changed(
    FULL,
    auth=CognitoAuth(
        clients=(
            TokenClient(
                name="NorthGateway", scopes=frozenset(["telemetry/ingest"]), chargers=frozenset(["CP-2", "CP-1"])
            ),
            TokenClient(name="Dashboard", scopes=frozenset(["telemetry/read"]), chargers="*"),
        )
    ),
)

# With nothing that may be absent, and open to anybody.
BARE = StageSettings(
    name="dev",
    region="us-west-2",
    auth=NoAuth(),
    ingest_throttle=Throttle(requests_per_second=1, burst=2),
    read_throttle=Throttle(requests_per_second=3, burst=4),
    processor_concurrency=2,
    tracing=False,
    retain_data=False,
    deletion_protection=False,
    point_in_time_recovery=False,
    log_retention_days=1,
    runbook_url="https://wiki.charging.test/runbook",
)
