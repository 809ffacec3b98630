"""The room's public face."""

from __future__ import annotations

import subprocess
import sys

import pytest

import fieldmark.contenders as room
from fieldmark.contenders import CONTENDERS, Contender, EndpointContender, WeightsContender


def test_every_name_is_there() -> None:
    assert sorted(room.__all__) == sorted(set(room.__all__))
    for name in room.__all__:
        assert getattr(room, name) is not None
    with pytest.raises(AttributeError):
        room.nothing  # noqa: B018


def test_the_built_ins_come_through_the_registry() -> None:
    assert CONTENDERS.names() == ["agent", "endpoint", "weights"]
    assert CONTENDERS.get("endpoint") is EndpointContender
    assert CONTENDERS.get("weights") is WeightsContender
    assert all(issubclass(CONTENDERS.get(name), Contender) for name in CONTENDERS.names())


def test_importing_it_is_light() -> None:
    code = "import sys, fieldmark.contenders; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"aiohttp", "xllamacpp", "numpy", "huggingface_hub", "rich"} & set(loaded)
