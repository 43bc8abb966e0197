"""Telling the other side by signed webhook until it has heard.

Standard Webhooks: https://www.standardwebhooks.com; `webhook-timestamp` is the real time of the attempt, whatever the
sandbox clock says, and the id stays the same through every retry.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import random
import time
from typing import Any

import httpx
import structlog

from deploy.simulators.faults import FaultSwitch
from deploy.simulators.memory import Memory, Notice, Owed
from libs.bus.waiting import within
from libs.store.reasons import reason

log = structlog.get_logger()
_AT_ONCE = 16  # notices in flight: what waits, waits on disk
_TIMEOUT_SECONDS = 10.0
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS, _GIVE_UP_SECONDS = 0.2, 5.0, 3 * 86400.0
_OVERTAKEN_SECONDS = 1.0
_LOOK_SECONDS = 0.5


def secret_bytes(secret: str) -> bytes:
    """The key in a `whsec_…` secret. Raises ValueError for anything else."""
    prefix, _, encoded = secret.partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if prefix != "whsec" or not key:
        raise ValueError("a webhook secret is `whsec_` and base64")
    return key


def signed_headers(key: bytes, notice_id: str, body: bytes, at: int) -> dict[str, str]:
    """The three headers of Standard Webhooks over this body; `at` in epoch seconds."""
    digest = hmac.digest(key, f"{notice_id}.{at}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": notice_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


class Notifier:
    """Delivers what memory owes to one address. What is said about one thing arrives in order, unless a fault says not."""

    def __init__(self, memory: Memory, faults: FaultSwitch, url: str, secret: str) -> None:
        self._memory, self._faults, self._url, self._key = memory, faults, url, secret_bytes(secret)
        self._wake = asyncio.Event()

    def notices(self, about: str, sequence: int, body: dict[str, Any]) -> list[Notice]:
        """What to keep for this telling under the faults in force: one notice, or none when it is dropped."""
        faults = self._faults.now
        if self._faults.strikes(faults.drop_rate):
            return []
        late = faults.out_of_order and sequence % 2 == 1
        return [
            Notice(
                about, sequence, body, in_order=not faults.out_of_order, delay=_OVERTAKEN_SECONDS if late else 0.0,
                copies=2 if self._faults.strikes(faults.duplicate_rate) else 1,
            )
        ]  # fmt: skip

    def wake(self) -> None:
        """There is something new to tell."""
        self._wake.set()

    async def run(self) -> None:
        """Delivers until cancelled."""
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            while True:
                due = self._memory.due_notices(_AT_ONCE)
                await asyncio.gather(*(self._deliver(client, notice) for notice in due))
                if not due:
                    await within(_LOOK_SECONDS, self._wake)
                    self._wake.clear()

    async def _deliver(self, client: httpx.AsyncClient, notice: Owed) -> None:
        headers = signed_headers(self._key, notice.id, notice.body, int(time.time()))
        try:
            answer = await client.post(self._url, content=notice.body, headers=headers)
        except httpx.HTTPError as error:
            self._retry(notice, reason(error))
            return
        if answer.is_success:
            self._memory.settle(notice)
        elif answer.status_code == httpx.codes.GONE:
            log.warning("the receiver wants no more of this", notice=notice.id)
            self._memory.settle(notice)
        else:
            self._retry(notice, f"answered {answer.status_code}", answer.headers.get("retry-after"))

    def _retry(self, notice: Owed, why: str, asked: str | None = None) -> None:
        if time.time() - notice.made_at > _GIVE_UP_SECONDS:
            log.error("never delivered", notice=notice.id, reason=why)
            self._memory.settle(notice)
            return
        if notice.attempts == 0:
            log.warning("not delivered; trying again", notice=notice.id, reason=why)
        pause = min(_FIRST_RETRY_SECONDS * 2 ** min(notice.attempts, 10), _LONGEST_RETRY_SECONDS)
        pause *= random.uniform(0.5, 1.0)  # noqa: S311 - spreads the load, keeps no secret
        if asked and asked.isdecimal():
            pause = min(max(pause, float(asked)), _LONGEST_RETRY_SECONDS)
        self._memory.postpone(notice, pause)
