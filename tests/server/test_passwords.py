"""Argon2id as it is kept, and how many are computed at once."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from starlette.exceptions import HTTPException

from fieldmark.server import _passwords
from fieldmark.server._passwords import Passwords, hash_password, matches


def test_what_is_kept() -> None:
    kept = hash_password("seven quiet herons")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert matches(kept, "seven quiet herons")
    assert not matches(kept, "seven quiet heron")
    assert not matches("no hash", "x")
    assert not matches(None, "the password of nobody at all"), "nobody's hash lets nobody in"
    assert hash_password("a") != hash_password("a")


async def test_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now, most, lock = 0, 0, threading.Lock()

    def slow(_: str) -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return "hash"

    monkeypatch.setattr(_passwords, "hash_password", slow)
    passwords = Passwords()
    replies = await asyncio.gather(*(passwords.hash("x") for _ in range(60)), return_exceptions=True)
    assert most == _passwords.AT_ONCE
    refused = [r for r in replies if isinstance(r, HTTPException)]
    assert refused
    assert {r.status_code for r in refused} == {429}
    assert replies.count("hash") == 60 - len(refused)
