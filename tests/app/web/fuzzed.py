"""What must hold of any answer of the API, whatever was asked."""

import json
import time
from functools import cache

import jsonschema

from optimoe.app.web.openapi import openapi
from optimoe.app.web.questions import QUESTIONS
from optimoe.app.web.work import answered

SMALL_PLAN = {"experts": [8], "max_width": 1024, "quick": True}
"""What every plan is asked with: a small space, so that many are answered."""


@cache
def described():
    """The API's own description."""
    return openapi()


@cache
def form(name):
    """The check of an answer against the schema of its question."""
    components = described()["components"]
    schema = f"Answer to {QUESTIONS[name].command}".title().replace(" ", "")
    ref = {"$ref": f"#/components/schemas/{schema}", "components": components}
    return jsonschema.Draft202012Validator(ref)


def options(name):
    """The schema of each option of a question."""
    body = described()["paths"][f"/api/v1/{name}"]["post"]["requestBody"]
    return body["content"]["application/json"]["schema"]["properties"]


def check(name, table):
    """Ask, and hold the answer against the description; its status and seconds."""
    start = time.monotonic()
    status, text = answered(name, json.dumps(table).encode())
    found = json.loads(text, parse_constant=_no_number)
    if status == 200:
        wrong = next(form(name).iter_errors(found), None)
        assert wrong is None, f"{name} {table}: {wrong.message} at {list(wrong.path)}"
    else:
        assert status in (400, 422), found
        assert list(found) == ["error"] and found["error"] and "\n" not in found["error"], found
    return status, time.monotonic() - start


def _no_number(constant):
    raise AssertionError(f"{constant} is no number of JSON")
