from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from telemetry_stack import stages
from telemetry_stack.stages import (
    STAGE_NAMES,
    AwsOnly,
    BundleTarget,
    CustomDomain,
    InvalidStageError,
    StageSettings,
    Throttle,
    TokenIssuer,
    UnknownStageError,
    stage_settings,
)
from tests.stage_settings import BARE, FULL, changed


@pytest.mark.parametrize("name", [None, "", "production", "Prod"])
def test_an_unknown_stage_is_told_in_one_line_that_lists_the_stages(name: str | None) -> None:
    with pytest.raises(UnknownStageError) as refused:
        stage_settings(name, local_port=4566)
    message = str(refused.value)
    assert "\n" not in message
    assert "local, dev, staging, prod" in message


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


@pytest.mark.parametrize("model", [StageSettings, TokenIssuer, CustomDomain, Throttle, BundleTarget])
def test_every_setting_says_what_it_is(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"token_issuer": None}, "only dev may be without a token_issuer"),
        ({"retain_data": False}, "prod must set retain_data"),
        ({"deletion_protection": False}, "prod must set deletion_protection"),
        ({"point_in_time_recovery": False}, "prod must set point_in_time_recovery"),
        ({"alarm_emails": ()}, "prod must name someone in alarm_emails"),
        (
            {
                "token_issuer": {
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
    with pytest.raises(ValidationError, match="only dev may be without a token_issuer"):
        changed(BARE, name=name)
    assert changed(BARE, name="dev").token_issuer is None


@pytest.mark.parametrize(
    "change",
    [
        {"region": "frankfurt"},
        {"account": "12345"},
        {"alarm_emails": ["on-call"]},
        {"runbook_url": "http://wiki.charging.com/runbook"},
        {"retention_days": 0},
        {"log_retention_days": 8},
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
    issuer = stage_settings("local", local_port=4777).token_issuer
    assert issuer is not None
    assert issuer.url.startswith("http://127.0.0.1:4777/")


def test_what_a_team_has_to_fill_in_is_listed() -> None:
    shipped = changed(
        FULL,
        token_issuer={"url": "https://issuer.example/", "audience": ["telemetry"], "chargers_claim": "chargers"},
        alarm_emails=["telemetry-on-call@team.example"],
        runbook_url="https://github.example/telemetry-foundation/blob/main/docs/runbook.md",
    )
    assert shipped.example_values() == [
        "token_issuer.url = https://issuer.example/",
        "alarm_emails[0] = telemetry-on-call@team.example",
        "runbook_url = https://github.example/telemetry-foundation/blob/main/docs/runbook.md",
    ]


def test_what_a_team_filled_in_is_no_longer_listed() -> None:
    filled = changed(
        FULL,
        token_issuer={
            "url": "https://issuer.example.com/a.example",
            "audience": ["telemetry"],
            "chargers_claim": "chargers",
        },
        alarm_emails=["first.example@charging.com"],
        runbook_url="https://example-charging.com/runbook",
    )
    assert filled.example_values() == []
