"""Holds answers of the functions to the OpenAPI description."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from query.openapi import document
from telemetry.http_api import HttpAnswer

DOCUMENT = document()


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """What validates against a schema of the description, whose references lead into its components."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def check(route: str, answer: HttpAnswer) -> None:
    """Fail where the description of a route, such as `GET /telemetry`, does not foresee the answer."""
    method, path = route.lower().split()[0], route.split()[1]
    described = DOCUMENT["paths"][path][method]["responses"][str(answer["statusCode"])]
    named = {name.lower() for name in described.get("headers", {})}
    assert named <= set(answer["headers"])
    if "content" not in described:
        assert answer["body"] == ""
        return
    media = described["content"][answer["headers"]["content-type"]]
    validator(media["schema"]).validate(json.loads(answer["body"]))
