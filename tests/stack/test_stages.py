from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from telemetry.event import is_charger_id
from telemetry_stack import stages
from telemetry_stack.stages import (
    STAGE_NAMES,
    Autoscaling,
    AwsOnly,
    BundleTarget,
    CognitoAuth,
    CustomDomain,
    FunctionMemory,
    InvalidStageError,
    NoAuth,
    OnDemandCapacity,
    ProvisionedCapacity,
    StageSettings,
    Throttle,
    TokenClient,
    TokenIssuer,
    UnknownStageError,
    stage_settings,
)
from tests.stage_settings import BARE, FULL, changed

GATEWAY = TokenClient(name="Gateway", scopes=frozenset(["telemetry/ingest"]), chargers=frozenset(["CP-1"]))


@pytest.mark.parametrize("name", [None, "", "production", "Prod"])
def test_an_unknown_stage_is_told_in_one_line_that_lists_the_stages(name: str | None) -> None:
    with pytest.raises(UnknownStageError) as refused:
        stage_settings(name, local_port=4566)
    message = str(refused.value)
    assert "\n" not in message
    assert ", ".join(STAGE_NAMES) in message


@pytest.mark.parametrize("name", STAGE_NAMES)
def test_each_stage_has_its_own_name_and_stack(name: str) -> None:
    settings = stage_settings(name, local_port=4566)
    assert settings.name == name
    assert settings.stack_name == f"Telemetry-{name}"


def test_a_setting_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        stages.prod().region = "us-east-1"  # pyright: ignore[reportAttributeAccessIssue] - the point of the test


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"retention_day\b"):
        changed(BARE, retention_day=3)


@pytest.mark.parametrize(
    "model",
    [
        StageSettings,
        TokenIssuer,
        CognitoAuth,
        TokenClient,
        NoAuth,
        CustomDomain,
        Throttle,
        OnDemandCapacity,
        ProvisionedCapacity,
        Autoscaling,
        FunctionMemory,
        BundleTarget,
    ],
)
def test_every_setting_says_what_it_is(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"auth": {"kind": "none"}}, "only dev may be without auth"),
        ({"retain_data": False}, "prod must set retain_data"),
        ({"deletion_protection": False}, "prod must set deletion_protection"),
        ({"point_in_time_recovery": False}, "prod must set point_in_time_recovery"),
        ({"gradual_deployment": False}, "prod must set gradual_deployment"),
        ({"alarm_emails": ()}, "prod must name someone in alarm_emails"),
        ({"operator_roles": ("TelemetryOperator", "*")}, "prod must name its operator_roles"),
        ({"silence_alarm_minutes": None}, "prod must set silence_alarm_minutes"),
        (
            {
                "auth": {
                    "kind": "oidc",
                    "url": "https://issuer.example/",
                    "audience": ["telemetry"],
                    "chargers_claim": "chargers",
                    "tokens_without_claim": "all",
                }
            },
            "prod must refuse tokens_without_claim",
        ),
        ({"left_out": frozenset(AwsOnly)}, "only local may leave anything out"),
        ({"bundle_target": BundleTarget.of_this_machine()}, "only local runs on this machine"),
    ],
)
def test_prod_can_not_be_set_up_unsafely(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError) as refused:
        changed(FULL, **change)
    assert rule in str(refused.value)


@pytest.mark.parametrize("name", ["local", "staging"])
def test_only_dev_may_be_open_to_anybody(name: str) -> None:
    with pytest.raises(ValidationError, match="only dev may be without auth"):
        changed(BARE, name=name)
    assert changed(BARE, name="dev").auth == NoAuth()


@pytest.mark.parametrize("stage", [BARE, FULL])
def test_whoever_may_use_a_stage_is_always_said(stage: StageSettings) -> None:
    settings = stage.model_dump()
    del settings["auth"]
    with pytest.raises(ValidationError, match="auth"):
        StageSettings.model_validate(settings)
    with pytest.raises(ValidationError, match="auth"):
        changed(stage, auth=None)


def test_the_tools_of_stage_local_need_their_own_issuer() -> None:
    with pytest.raises(ValidationError, match="local must have a TokenIssuer"):
        changed(BARE, name="local", auth=CognitoAuth(clients=(GATEWAY,)))
    assert isinstance(changed(FULL, auth=CognitoAuth(clients=(GATEWAY,))).auth, CognitoAuth)


def test_stage_local_is_not_deployed_by_what_the_emulator_does_not_know() -> None:
    with pytest.raises(ValidationError, match="local can't set gradual_deployment"):
        changed(stages.local(4566), gradual_deployment=True)
    assert changed(BARE, gradual_deployment=True).gradual_deployment


def test_only_what_has_versions_starts_from_a_snapshot() -> None:
    with pytest.raises(ValidationError, match="snap_start needs gradual_deployment"):
        changed(BARE, snap_start=True)
    assert changed(BARE, snap_start=True, gradual_deployment=True).snap_start


@pytest.mark.parametrize(("function", "least"), [("ingest_mb", 256), ("processor_mb", 512), ("query_mb", 1_024)])
def test_no_function_has_less_memory_than_the_most_that_it_may_be_sent_takes(function: str, least: int) -> None:
    with pytest.raises(ValidationError, match=function):
        changed(BARE, memory={function: least - 1})
    assert changed(BARE, memory={function: least}).memory.model_dump()[function] == least


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"minimum": 0}, "minimum"),
        ({"maximum": 40_001}, "maximum"),
        ({"minimum": 6, "maximum": 5}, "the minimum capacity, 6, is above the maximum, 5"),
        ({"target_percent": 19}, "target_percent"),
        ({"target_percent": 91}, "target_percent"),
    ],
)
def test_a_capacity_that_aws_would_refuse_is_refused_before_it_is_deployed(change: dict[str, int], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Autoscaling.model_validate({"minimum": 1, "maximum": 40_000, **change})


def test_a_provisioned_table_has_a_capacity_for_reads_and_one_for_writes() -> None:
    with pytest.raises(ValidationError, match="write"):
        changed(BARE, table_capacity={"kind": "provisioned", "read": {"minimum": 1, "maximum": 2}})
    with pytest.raises(ValidationError, match="table_capacity"):
        changed(BARE, table_capacity={"kind": "on_demand", "write": {"minimum": 1, "maximum": 2}})
    assert BARE.table_capacity == OnDemandCapacity()


def test_two_clients_can_not_have_the_same_name() -> None:
    other = GATEWAY.model_copy(update={"chargers": "*"})
    with pytest.raises(ValidationError, match="two clients have the same name"):
        CognitoAuth(clients=(GATEWAY, other))


@pytest.mark.parametrize(
    ("clients", "chargers", "fits"), [(1, 44, True), (1, 45, False), (15, 2, True), (15, 3, False)]
)
def test_clients_name_no_more_chargers_than_a_function_can_be_told_of(
    clients: int, chargers: int, *, fits: bool
) -> None:
    ids = [f"{number:064}" for number in range(chargers)]
    made = [{"name": f"Gateway{each}", "scopes": ["telemetry/ingest"], "chargers": ids} for each in range(clients)]
    if fits:
        assert CognitoAuth.model_validate({"clients": made})
    else:
        with pytest.raises(ValidationError, match="more chargers than a function can be told of"):
            CognitoAuth.model_validate({"clients": made})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "north gateway"},
        {"name": "north"},
        {"scopes": []},
        {"scopes": ["telemetry/write"]},
        {"chargers": []},
        {"chargers": ["-CP"]},
        {"chargers": ["*"]},
        {"chargers": ""},
        {"chargers": "CP-1"},
    ],
)
def test_a_client_says_by_its_name_what_it_may_do_for_which_chargers(change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(ValidationError, match=name):
        TokenClient.model_validate({**GATEWAY.model_dump(), **change})


@given(st.text(max_size=70) | st.from_regex(r"[A-Za-z0-9*\-_=:+|@.]{1,70}", fullmatch=True))
def test_the_id_of_a_charger_is_in_the_settings_what_it_is_in_an_event(charger_id: str) -> None:
    try:
        TokenClient.model_validate({**GATEWAY.model_dump(), "chargers": [charger_id]})
    except ValidationError:
        assert not is_charger_id(charger_id)
    else:
        assert is_charger_id(charger_id)


@pytest.mark.parametrize(
    "change",
    [
        {"region": "frankfurt"},
        {"account": "12345"},
        {"alarm_emails": ["on-call"]},
        {"runbook_url": "http://wiki.charging.com/runbook"},
        {"retention_days": 0},
        {"log_retention_days": 8},
        {"operator_roles": []},
        {"operator_roles": ["/TelemetryOperator"]},
        {"operator_roles": ["arn:aws:iam::111122223333:role/TelemetryOperator"]},
        {"operator_roles": ["Telemetry Operator"]},
        {"processor_concurrency": 1},
        {"ingest_throttle": {"requests_per_second": 0, "burst": 1}},
        {"cors_origins": ["*"]},
        {"cors_origins": ["http://dashboard.charging.com"]},
        {"cors_origins": ["https://*.charging.com"]},
        {"cors_origins": ["https://dashboard.charging.com/"]},
        {"cors_origins": ["https://Dashboard.charging.com"]},
        {"custom_domain": {"name": "https://telemetry.charging.com", "certificate_arn": "arn:aws:acm:x"}},
    ],
)
def test_a_value_that_aws_would_refuse_is_refused_before_it_is_deployed(change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(ValidationError, match=name):
        changed(BARE, **change)


@pytest.mark.parametrize("url", ["http://issuer.charging.com/", "http://127.0.0.1.charging.com:80/", "issuer"])
def test_an_issuer_speaks_https_unless_it_is_on_this_machine(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        TokenIssuer(url=url, audience=("telemetry",), chargers_claim="chargers")


@pytest.mark.parametrize("role", ["*", "TelemetryOperator", "aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Ops_?*"])
def test_operators_are_named_by_their_roles_with_paths_and_wildcards(role: str) -> None:
    assert changed(BARE, operator_roles=[role]).operator_roles == (role,)


def test_only_local_trusts_an_issuer_on_this_machine() -> None:
    issuer = {"url": "http://127.0.0.1:4566/issuer", "audience": ["telemetry"], "chargers_claim": "chargers"}
    for name in ("dev", "staging"):
        with pytest.raises(ValidationError, match="only local may trust an issuer on this machine"):
            changed(BARE, name=name, auth={"kind": "oidc", **issuer})
    assert changed(BARE, name="local", auth={"kind": "oidc", **issuer}).auth == TokenIssuer.model_validate(issuer)


@pytest.mark.parametrize(
    "change",
    [{"audience": []}, {"audience": [""]}, {"audience": ["a", " "]}, {"chargers_claim": ""}, {"chargers_claim": " "}],
)
def test_audiences_and_the_claim_of_chargers_are_something(change: dict[str, Any]) -> None:
    (name,) = change
    issuer = {"url": "https://login.charging.test", "audience": ["telemetry"], "chargers_claim": "chargers"}
    with pytest.raises(ValidationError, match=name):
        TokenIssuer.model_validate(issuer | change)


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "nbf", "iat", "jti", "scope", "scp"])
def test_the_claim_of_chargers_says_nothing_else_of_a_token(claim: str) -> None:
    with pytest.raises(ValidationError, match=f"chargers_claim can't be '{claim}'"):
        TokenIssuer(url="https://login.charging.test", audience=("telemetry",), chargers_claim=claim)
    # A charger's own name, where it has a token of its own.
    assert TokenIssuer(url="https://login.charging.test", audience=("telemetry",), chargers_claim="sub")


@pytest.mark.parametrize("region", ["cn-north-1", "cn-northwest-1", "us-iso-east-1", "us-isob-east-1"])
def test_a_region_whose_services_have_other_host_names_is_refused(region: str) -> None:
    with pytest.raises(ValidationError, match=f"region can't be '{region}': the stack is for regions"):
        changed(BARE, region=region)
    assert changed(BARE, region="us-gov-west-1").region == "us-gov-west-1"


def test_a_broken_setting_is_told_in_one_line_that_names_the_stage_and_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stages, "dev", lambda: changed(BARE, region="frankfurt", retention_days=0))
    with pytest.raises(InvalidStageError) as refused:
        stage_settings("dev", local_port=4566)
    assert str(refused.value) == (
        "stage dev in telemetry_stack/stages.py: region can't be 'frankfurt': The AWS region, e.g. eu-central-1; "
        "retention_days can't be 0: Input should be greater than or equal to 1"
    )


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda: changed(BARE, retention_day=3), "there is no setting retention_day"),
        (
            lambda: changed(FULL, retain_data=False, alarm_emails=()),
            "prod must set retain_data; prod must name someone",
        ),
        (
            lambda: changed(BARE, alarm_emails=["a@charging.test", "on-call"]),
            "alarm_emails[1] can't be 'on-call': E-mail",
        ),
        (lambda: Throttle.model_validate({"burst": 1}), "Throttle.requests_per_second is missing"),
        (
            lambda: TokenIssuer(url="issuer", audience=("telemetry",), chargers_claim="chargers"),
            "TokenIssuer.url can't be 'issuer': The `iss` of its tokens, HTTPS; `/.well-known/openid-configuration`",
        ),
    ],
)
def test_what_is_wrong_with_a_setting_is_told_once_and_not_in_pydantics_words(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[[], StageSettings], told: str
) -> None:
    monkeypatch.setattr(stages, "dev", broken)
    with pytest.raises(InvalidStageError) as refused:
        stage_settings("dev", local_port=4566)
    message = str(refused.value)
    assert message.startswith(f"stage dev in telemetry_stack/stages.py: {told}")
    assert message.count("can't be") <= 1
    assert "\n" not in message


def test_the_issuer_of_stage_local_follows_the_port_of_the_emulator() -> None:
    issuer = stage_settings("local", local_port=4777).auth
    assert isinstance(issuer, TokenIssuer)
    assert issuer.url.startswith("http://127.0.0.1:4777/")


def test_what_a_team_has_to_fill_in_is_listed() -> None:
    shipped = changed(
        FULL,
        auth={
            "kind": "oidc",
            "url": "https://issuer.example/",
            "audience": ["telemetry"],
            "chargers_claim": "chargers",
        },
        alarm_emails=["telemetry-on-call@team.example"],
        runbook_url="https://github.example/telemetry-foundation/blob/main/docs/runbook.md",
    )
    assert shipped.example_values() == [
        "auth.url = https://issuer.example/",
        "alarm_emails[0] = telemetry-on-call@team.example",
        "runbook_url = https://github.example/telemetry-foundation/blob/main/docs/runbook.md",
    ]


def test_what_a_team_filled_in_is_no_longer_listed() -> None:
    filled = changed(
        FULL,
        auth={
            "kind": "oidc",
            "url": "https://issuer.example.com/a.example",
            "audience": ["telemetry"],
            "chargers_claim": "chargers",
        },
        alarm_emails=["first.example@charging.com"],
        runbook_url="https://example-charging.com/runbook",
    )
    assert filled.example_values() == []
