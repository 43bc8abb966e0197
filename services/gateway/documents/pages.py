"""Two plain pages: where to begin, and every operation there is. No script, nothing from elsewhere."""

import json
from html import escape
from typing import Any

from services.gateway.documents.components import Document
from services.gateway.documents.problem_types import TYPES, ProblemType

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code { font-size: .95em } h2 { margin-top: 2.5rem } dt { margin-top: 1rem; font-weight: 600 } dd { margin-left: 1.5rem }
table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0; vertical-align: top } pre { overflow: auto }
"""
_LINKS = {
    "/docs": "the API, operation by operation",
    "/openapi.json": "the same as OpenAPI 3.1",
    "/asyncapi.json": "the events as AsyncAPI 3",
    "/.well-known/oauth-authorization-server": "how to get a token",
    "/readyz": "what is up",
}


def landing() -> str:
    items = "".join(
        f'<li><a href="{path}"><code>{path}</code></a> {escape(text)}</li>' for path, text in _LINKS.items()
    )
    return _page("Poly+", f"<p>Support for Poly video, voice and headset hardware.</p><ul>{items}</ul>")


def docs(document: Document) -> str:
    """Every operation by tag, with who may call it, its parameters, body and answer; then the schemas and the kinds of problem."""
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, verb, operation))
    missing = document.get("x-unavailable")
    note = f"<p><strong>Not described now:</strong> {escape(', '.join(missing))}.</p>" if missing else ""
    places = [*sorted(by_tag), "schemas", "problems"]
    nav = " · ".join(f'<a href="#{escape(place)}">{escape(place)}</a>' for place in places)
    parts = "".join(
        f'<h2 id="{escape(tag)}">{escape(tag)}</h2><dl>{"".join(by_tag[tag])}</dl>' for tag in sorted(by_tag)
    )
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    problems = "".join(_problem(each) for each in TYPES.values())
    return _page(
        "Poly+ API",
        f"<p>{escape(document['info']['description'])}</p>{note}<nav>{nav}</nav>{parts}"
        f'<h2 id="schemas">schemas</h2>{schemas}<h2 id="problems">problems</h2><dl>{problems}</dl>',
    )


def _operation(path: str, verb: str, operation: dict[str, Any]) -> str:
    lines = [escape(operation.get("description") or operation.get("summary") or "")]
    if roles := operation.get("x-roles"):
        lines.append(f"Roles: {escape(', '.join(roles))}.")
    parameters = [p.get("name") or p["$ref"].rpartition("/")[2] for p in operation.get("parameters", ())]
    if parameters:
        lines.append(f"Parameters: {escape(', '.join(parameters))}.")
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    lines += [f"Body: {_kind(content['schema'])}." for content in bodies]
    lines += [
        f"{escape(status)}: {_kind(content['schema'])}."
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
    ]
    told = "".join(f"<dd>{text}</dd>" for text in lines if text)
    return f'<dt id="{escape(operation["operationId"])}"><code>{verb.upper()} {escape(path)}</code></dt>{told}'


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_kind(node)}{'' if field in required else ', optional'}</td>"
        f"<td>{escape(node.get('description', ''))}</td></tr>"
        for field, node in schema.get("properties", {}).items()
    )
    examples = "".join(
        f"<pre>{escape(json.dumps(example, ensure_ascii=False, indent=1))}</pre>"
        for example in schema.get("examples", ())
    )
    told = f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
    return f"{told}<table>{rows}</table>{examples}"


def _kind(node: dict[str, Any]) -> str:
    """A schema in few words, with a link to one that has a name."""
    if "$ref" in node:
        name = escape(node["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for word in ("anyOf", "oneOf", "allOf"):
        if word in node:
            return " or ".join(map(_kind, node[word]))
    if "enum" in node:
        return escape(" | ".join(map(str, node["enum"])))
    if node.get("type") == "array":
        return f"list of {_kind(node.get('items', {}))}"
    return escape(str(node.get("format") or node.get("const") or node.get("type") or "anything"))


def _problem(each: ProblemType) -> str:
    texts = "".join(f"<dd>{escape(words.title)}. {escape(words.text)}</dd>" for words in each.words.values())
    return f'<dt id="{escape(each.type)}"><code>{each.status} {escape(each.type)}</code></dt>{texts}'


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"
    )
