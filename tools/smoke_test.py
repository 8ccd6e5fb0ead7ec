"""A real event, posted to a deployed API and read back: what shows that a deployment works."""

from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from tools.command_line import CommandError
from tools.local_cloud.emulator import wait_until

# The first event starts three functions cold, on a machine that may be busy.
FIRST_EVENT_SECONDS = 60


class SmokeTestError(CommandError):
    """The event was refused, or did not come back. The message says what the API answered."""


def send_and_read_back(api_url: str, token: str | None, *, charger_id: str, proxies: bool) -> object:
    """Post an event and return the charger's latest telemetry as soon as it shows the event.

    Args:
        api_url: the API's, without a slash at its end.
        token: may post and read the charger; None where the stage asks for none.
        charger_id: whose telemetry it is.
        proxies: whether to go by the proxy and the certificates that the environment names.

    Raises:
        SmokeTestError: the API did not take it, or does not show it within a minute.
    """
    event = {
        "chargerId": charger_id,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "payload": {"power_kw": 7.4, "voltage_v": 230.1, "current_a": 32.2, "session_energy_wh": 1250},
    }
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(headers=headers, timeout=FIRST_EVENT_SECONDS, trust_env=proxies) as client:
        try:
            posted = client.post(f"{api_url}/telemetry", json=event)
            if posted.status_code != HTTPStatus.ACCEPTED:
                raise SmokeTestError(f"POST {api_url}/telemetry answered {posted.status_code}: {posted.text}")
            event_id = posted.json()["eventId"]

            def read() -> httpx.Response:
                return client.get(f"{api_url}/telemetry/{charger_id}")

            def is_stored() -> bool:
                answer = read()
                return answer.is_success and answer.json()["eventId"] == event_id

            if not wait_until(is_stored, seconds=FIRST_EVENT_SECONDS, every=0.2):
                raise SmokeTestError(f"the posted event can't be read back: the API last answered {read().text}")
            return read().json()
        except httpx.HTTPError as error:
            raise SmokeTestError(f"the API at {api_url} is not to be reached: {error}") from error
