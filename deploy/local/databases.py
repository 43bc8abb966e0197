"""One database per service: an owner that migrates, a run-time role that owns nothing and reaches no other database."""

from __future__ import annotations

import secrets
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg


class ServiceDatabase(NamedTuple):
    owner_url: str
    runtime_url: str


async def create_service_database(
    admin_url: str,
    service: str,
    *,
    owner_password: str | None = None,
    runtime_password: str | None = None,
    prefix: str = "polyplus_",
    own_server: bool = True,
) -> ServiceDatabase:
    """Make what is missing and set both passwords (new ones unless given); safe to repeat.

    `own_server` also closes the server's own databases to everybody but its admin: not done to a server that others use.
    """
    name = f"{prefix}{service}"
    owner, runtime = f"{name}_owner", f"{name}_app"
    owner_password, runtime_password = (
        owner_password or secrets.token_hex(16),
        runtime_password or secrets.token_hex(16),
    )
    admin = await asyncpg.connect(admin_url)
    try:
        await _role(admin, owner, owner_password)
        await _role(admin, runtime, runtime_password)
        if not await admin.fetchval("select true from pg_database where datname = $1", name):
            # Managed servers' admins are no superusers: they may give a database only to a role they belong to.
            await admin.execute(f'grant "{owner}" to current_user')
            await admin.execute(f'create database "{name}" owner "{owner}" template template0')
        await admin.execute(f'revoke all on database "{name}" from public')
        await admin.execute(f'grant connect on database "{name}" to "{runtime}"')
        for shared in ("postgres", "template1") if own_server else ():
            await admin.execute(f'revoke connect on database "{shared}" from public')
    finally:
        await admin.close()
    urls = ServiceDatabase(
        _url(admin_url, owner, owner_password, name),
        _url(admin_url, runtime, runtime_password, name),
    )
    await _grant_defaults(urls.owner_url, runtime)
    return urls


async def _role(admin: asyncpg.Connection[asyncpg.Record], role: str, password: str) -> None:
    known = await admin.fetchval("select true from pg_roles where rolname = $1", role)
    verb = "alter" if known else "create"
    literal = await admin.fetchval("select quote_literal($1)", password)
    # No word on SUPERUSER and BYPASSRLS for a known role: a managed server's admin may not even say "no" to them.
    attributes = "login" if known else "login nosuperuser nobypassrls nocreatedb nocreaterole noreplication"
    await admin.execute(f'{verb} role "{role}" {attributes} password {literal}')


async def _grant_defaults(owner_url: str, runtime: str) -> None:
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute(f"""
            revoke create on schema public from public;
            grant usage on schema public to "{runtime}";
            grant select, insert, update, delete on all tables in schema public to "{runtime}";
            grant usage, select on all sequences in schema public to "{runtime}";
            alter default privileges grant select, insert, update, delete on tables to "{runtime}";
            alter default privileges grant usage, select on sequences to "{runtime}";
            alter default privileges grant usage on schemas to "{runtime}";
        """)
    finally:
        await owner.close()


def _url(admin_url: str, user: str, password: str, database: str) -> str:
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password)}@{host}", path=f"/{database}"))
