"""The tables, mapped."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Identity
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012
        datetime: TIMESTAMP(timezone=True),
        list[str]: JSONB,
        list[dict[str, Any]]: JSONB,
        dict[str, Any]: JSONB,
    }


class Case(Base):
    __tablename__ = "cases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=0)
    account_id: Mapped[UUID]
    number: Mapped[str]
    state: Mapped[str] = mapped_column(default="acknowledged")
    channel: Mapped[str]
    description: Mapped[str]
    observed_impact: Mapped[str]
    customer_severity: Mapped[str]
    severity: Mapped[str]
    priority: Mapped[str]
    product_number: Mapped[str | None]
    serial: Mapped[str | None]
    no_product_reason: Mapped[str | None]
    family: Mapped[str | None]
    country: Mapped[str | None]
    coverage: Mapped[dict[str, Any]]
    site_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]
    language: Mapped[str]
    reporter_name: Mapped[str]
    opened_by: Mapped[str]
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    external_identifiers: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    alert_id: Mapped[UUID | None]
    parent_id: Mapped[UUID | None]
    follow_up_of: Mapped[UUID | None]
    duplicate_of: Mapped[list[str]] = mapped_column(default=list)
    queue: Mapped[str | None]
    shift: Mapped[str | None]
    queue_history: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    assignee: Mapped[UUID | None]
    first_response_at: Mapped[datetime | None]
    expected_resolution_at: Mapped[datetime | None]
    problem_id: Mapped[UUID | None]
    waits: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    workarounds: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    partner_requests: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    proposed_resolution: Mapped[str | None]
    confirmations: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    resolution: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    resolved_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    cancellation: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    epoch: Mapped[int] = mapped_column(default=1)
    epoch_began_at: Mapped[datetime]
    worked_epoch: Mapped[int] = mapped_column(default=0)
    history: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    description_redacted: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    corrections: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    clocks: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    next_due_at: Mapped[datetime | None]
    merged_into: Mapped[UUID | None]
    first_opened_at: Mapped[datetime | None]
    text_words: Mapped[list[str]]


class Queue(Base):
    __tablename__ = "queues"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    active: Mapped[bool]


class Problem(Base):
    __tablename__ = "problems"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    status: Mapped[str]
    family: Mapped[str | None]
    product_numbers: Mapped[list[str]]
    firmware: Mapped[str | None]
    affected_from: Mapped[str | None]
    symptom: Mapped[str]
    workaround: Mapped[str | None]
    fix_release: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Policy(Base):
    __tablename__ = "policies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int]
    plan: Mapped[str | None]
    region: Mapped[str | None]
    severity: Mapped[str | None]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    settings: Mapped[dict[str, Any]]


class Timer(Base):
    __tablename__ = "timers"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)


class OutboxEvent(Base):
    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    topic: Mapped[str]
    key: Mapped[UUID]
    event_id: Mapped[UUID]
    type: Mapped[str]
    subject: Mapped[UUID]
    account_id: Mapped[UUID | None]
    version: Mapped[int]
    actor: Mapped[str]
    traceparent: Mapped[str | None]
    time: Mapped[datetime]
    data: Mapped[bytes] = mapped_column(BYTEA)


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"

    principal: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(BYTEA)
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(BYTEA)
