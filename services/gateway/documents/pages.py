"""Two plain pages: where to begin, and every operation there is. No script, nothing from elsewhere."""

from html import escape
from typing import Any

from services.gateway.documents.merging import Document

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code { font-size: .95em } h2 { margin-top: 2.5rem } dt { margin-top: 1rem; font-weight: 600 } dd { margin-left: 1.5rem }
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
    """Every operation by tag, with its parameters and body."""
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, verb, operation))
    missing = document.get("x-unavailable")
    note = f"<p><strong>Not described now:</strong> {escape(', '.join(missing))}.</p>" if missing else ""
    nav = " · ".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in sorted(by_tag))
    parts = "".join(
        f'<h2 id="{escape(tag)}">{escape(tag)}</h2><dl>{"".join(by_tag[tag])}</dl>' for tag in sorted(by_tag)
    )
    return _page("Poly+ API", f"<p>{escape(document['info']['description'])}</p>{note}<nav>{nav}</nav>{parts}")


def _operation(path: str, verb: str, operation: dict[str, Any]) -> str:
    summary = operation.get("description") or operation.get("summary") or ""
    parameters = [p.get("name") or p["$ref"].rpartition("/")[2] for p in operation.get("parameters", ())]
    content = operation.get("requestBody", {}).get("content", {})
    bodies = [schema["schema"].get("$ref", "").rpartition("/")[2] for schema in content.values()]
    details = [f"Parameters: {', '.join(parameters)}."] if parameters else []
    details += [f"Body: {body}." for body in bodies if body]
    lines = "".join(f"<dd>{escape(text)}</dd>" for text in (summary, *details) if text)
    return f"<dt><code>{verb.upper()} {escape(path)}</code></dt>{lines}"


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"
    )
