"""What chargers send, and the tokens that they send it with, are in no log."""

from uuid import uuid4

from tests.e2e.harness import JSON, Api, Cloud, eventually

PAST = "2024-11-23T08:15:30Z"
# A break, so that a log that held it would be broken by it as well.
BREAK = "\n\x1b[31m\u2028"


def all_logs(cloud: Cloud) -> str:
    """Return every line of every log group, those of no function among them."""
    groups = [
        group for page in cloud.logs.get_paginator("describe_log_groups").paginate() for group in page["logGroups"]
    ]
    texts: list[str] = []
    for group in groups:
        pages = cloud.logs.get_paginator("filter_log_events").paginate(logGroupName=group.get("logGroupName", ""))
        texts += [event.get("message", "") for page in pages for event in page["events"]]
    return "\n".join(texts)


def test_what_is_sent_in_any_place_is_in_no_log_but_the_id_of_the_charger(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    mark = uuid4().hex
    token = cloud.issuer.token(chargers=[charger_id, f"claimed{mark}"])
    own = Api(api.url, token)
    hostile = f"{BREAK}{mark}{BREAK}"
    event = {
        "chargerId": charger_id,
        "timestamp": PAST,
        "payload": {hostile: hostile, "nested": [{hostile: mark}], "power_kw": mark, "power_unit": hostile},
    }
    texts = {"chargerStatus": hostile, "locationId": hostile, "firmwareVersion": hostile}
    fault = {"connectorId": 1, "status": "Faulted", "errorCode": mark, "vendorErrorCode": hostile, "info": mark}
    headers = {**JSON, "X-Mark": mark, "User-Agent": mark, "Referer": mark, "Cookie": f"a={mark}"}

    assert own.post({**event, **texts}).status_code == 202
    # One is kept, and each other is refused for another reason.
    refused = [{"connectorId": mark}, {mark: mark}, {"chargerId": hostile}, {"chargerId": f"{charger_id}-2"}]
    answer = own.post_batch([{**event, "payload": fault}, *({**event, **change} for change in refused)])
    assert [each["status"] for each in answer.json()["results"]] == [202, 422, 422, 422, 403]
    # Each is refused, for another reason.
    wrong = [{"chargerId": hostile}, {"connectorId": mark}, {"timestamp": mark}, {"payload": mark}, {mark: mark}]
    for change in wrong:
        assert own.post({**event, **change}).status_code == 422
    assert own.post({**event, "chargerId": f"{charger_id}-2"}).status_code == 403
    assert own.post_text(f'{{"{mark}": {mark}').status_code == 400
    assert own.send("POST", "/telemetry", content=mark.encode(), headers=headers).status_code == 400
    assert own.send("POST", "/telemetry", headers={"Content-Type": f"a/{mark}"}).status_code == 415
    assert own.send("GET", f"/telemetry/-{mark}", headers={"If-None-Match": mark}).status_code == 400
    assert own.send("GET", f"/telemetry?chargerId={charger_id}&{mark}={mark}", headers=headers).is_success
    assert own.send("GET", f"/telemetry?chargerId=-{mark}").status_code == 400
    assert Api(api.url, f"{mark}.{mark}.{mark}").latest(charger_id).status_code == 401
    last = own.post({**event, "timestamp": "2025-11-23T08:15:30Z"})
    own.stored(charger_id, event_id=last.json()["eventId"])

    eventually(lambda: cloud.stored_lines(last.json()["eventId"]))
    logs = all_logs(cloud)
    assert charger_id in logs
    assert mark not in logs
    assert token not in logs
    assert token.rpartition(".")[2] not in logs
