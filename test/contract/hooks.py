"""Checks that schemathesis runs on each answer, besides its own. `tester.ts` starts it with this file.

The gateway must not refuse what fits the document, and must not accept what does not fit it. It reads a little more than
the document says, as ProtoJSON demands (docs/openapi.md); `leniency` recognizes that.
"""

import atexit
import collections
import json
import os
import re

import jsonschema_rs
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core import NotSet

counts = collections.Counter()
lenient = collections.Counter()

# The reasons with which the gateway itself refuses a request that does not have the right form.
REFUSALS = {"INVALID_PATH", "INVALID_QUERY", "INVALID_BODY", "UNEXPECTED_BODY", "MALFORMED_PATH", "UNSUPPORTED_MEDIA_TYPE"}


def reason_of(response):
    """Returns the reason of an error of the gateway. None for an answer of the service."""
    try:
        details = response.json().get("details", [])
    except (ValueError, AttributeError):
        return None
    return next((one["reason"] for one in details if one.get("domain") == "protogate" and "reason" in one), None)


@schemathesis.hook
def map_query(ctx, query):
    # A stream of events without a limit never ends.
    if ctx.operation.path.endswith("orders:watch"):
        query = {**(query or {}), "limit": 2}
    return query


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    if ctx.operation.path.endswith("orders:watch"):
        return {"customer": "ada"}
    return path_parameters


@schemathesis.hook
def after_call(ctx, case, response):
    mode = case.meta.generation.mode if case.meta is not None else None
    counts["fits" if mode == GenerationMode.POSITIVE else "does not fit"] += 1
    counts[f"status {response.status_code}"] += 1


@schemathesis.check
def accepts_what_fits(ctx, response, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    reason = reason_of(response)
    if reason in REFUSALS and not is_about_names(response) and not has_any(case.body):
        raise AssertionError(f"{reason} for a request that fits the document: {response.json().get('message')}")


def has_any(value):
    """True if the value has a google.protobuf.Any: the document lists neither its types nor their fields."""
    if isinstance(value, dict):
        return "@type" in value or any(has_any(one) for one in value.values())
    return isinstance(value, list) and any(has_any(one) for one in value)


def is_about_names(response):
    """True if `$fields` names no field: the document does not list their names."""
    message = response.json().get("message", "")
    return message.startswith(("$fields", "fields:"))


@schemathesis.check
def refuses_what_does_not_fit(ctx, response, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.NEGATIVE:
        return
    if not 200 <= response.status_code < 300:
        return
    why = leniency(case)
    if why is None:
        raise AssertionError("accepted a request that does not fit the document")
    lenient[why] += 1


def leniency(case):
    """Returns what the gateway reads beyond the document in this request. None if that is not the reason."""
    if not fits_relaxed(case):
        return None
    return "ProtoJSON: other forms of a value"


with open(os.environ["PROTOGATE_DOCUMENT"], encoding="utf8") as file:
    DOCUMENT = json.load(file)
NUMBER = {"type": "string", "pattern": r"^\s*-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?\s*$"}


def relaxed(schema, seen=()):
    """Returns the schema of what the gateway reads: numbers as text, enums by number, base64 of both kinds, proto names."""
    if isinstance(schema, list):
        return [relaxed(one, seen) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#/components/schemas/", "#/$defs/")}
    result = {key: relaxed(value, seen) if key not in ("enum", "const", "required", "type") else value for key, value in schema.items()}
    if "properties" in schema and isinstance(schema["properties"], dict):
        result["properties"] = {name: relaxed(one, seen) for name, one in schema["properties"].items()}
        for name in schema["properties"]:
            proto = re.sub(r"[A-Z]", lambda letter: "_" + letter.group().lower(), name)
            result["properties"].setdefault(proto, result["properties"][name])
    if "@type" in schema.get("properties", {}):
        # An empty Any is read too.
        result.pop("required", None)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "integer" in kinds or "number" in kinds:
        result.pop("pattern", None)
        return {"anyOf": [result, NUMBER, {"type": "number"}, *([{"type": "string"}] if "string" in kinds else [])]}
    if "enum" in schema:
        return {"anyOf": [result, {"type": "integer"}, NUMBER]}
    if schema.get("format") in ("byte", "date-time") or "pattern" in schema:
        return {key: value for key, value in result.items() if key not in ("format", "pattern")}
    return result


DEFINITIONS = {
    name: relaxed(schema) for name, schema in DOCUMENT.get("components", {}).get("schemas", {}).items()
}


def is_valid(value, schema):
    return jsonschema_rs.is_valid({**relaxed(schema), "$defs": DEFINITIONS}, value)


def fits_relaxed(case):
    operation = DOCUMENT["paths"][case.operation.path][case.operation.method.lower()]
    for parameter in operation.get("parameters", []):
        place = {"path": case.path_parameters, "query": case.query}.get(parameter.get("in"))
        value = (place or {}).get(parameter.get("name"))
        if value is None:
            continue
        schema = parameter["schema"]
        # A query has text alone, so that a list of one element is that element.
        if not any(is_valid(one, schema) for one in readings(value)):
            return False
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None or isinstance(case.body, NotSet):
        return True
    body = case.body
    if isinstance(body, bytes):
        # White space is an empty body, which is the default message.
        if body.strip() == b"":
            return True
        try:
            body = json.loads(body)
        except ValueError:
            return False
    # `null` as the value of a body field means that the field is not set.
    return body is None or is_valid(body, content["schema"])


def readings(value):
    """Yields what the text of a parameter may mean."""
    yield value
    if isinstance(value, list) and len(value) == 1:
        yield from readings(value[0])
    elif not isinstance(value, list):
        yield [value]
    if isinstance(value, str):
        try:
            yield json.loads(value)
        except ValueError:
            pass
    elif not isinstance(value, (list, dict)):
        yield json.dumps(value)


@atexit.register
def report():
    path = os.environ.get("PROTOGATE_COUNTS")
    if path is not None:
        with open(path, "w", encoding="utf8") as file:
            json.dump({"counts": counts, "lenient": lenient}, file)
