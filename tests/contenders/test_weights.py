"""Weights through a real llama.cpp child: answers, sharing, limits, and its death."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from openai.types.chat import ChatCompletion

from fieldmark.contenders import (
    Contender,
    ContenderSpec,
    Model,
    Sampler,
    Shelf,
    WeightsContender,
    make_contender,
    probe,
)
from fieldmark.errors import ContenderFailure, InputError, ModelError
from tests.contenders.asking import answer, contending, user
from tests.models import NAME

LOOP = pytest.mark.asyncio(loop_scope="module")
pytestmark = LOOP

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]


def spec(name: str = "small", **more: Any) -> ContenderSpec:
    sampler = more.pop("sampler", Sampler(temperature=0, max_tokens=24))
    return ContenderSpec(
        **{"name": name, "kind": "weights", "model": NAME, "sampler": sampler, "context": 1024, **more}
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def contender(model: Model) -> AsyncGenerator[Contender, None]:
    async with contending(spec(system="You are helpful.")) as contender:
        await contender.start()
        yield contender


def pid(contender: Contender) -> int:
    assert isinstance(contender, WeightsContender)
    assert contender.pid is not None
    return contender.pid


def lives(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


async def gone(process: int) -> bool:
    for _ in range(100):
        if not lives(process):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_answers(contender: Contender) -> None:
    text, finish = await answer(contender, "What is the capital of France?")
    assert text.strip()
    assert finish.prompt_tokens is not None
    assert finish.answer_tokens is not None
    assert finish.answer_tokens <= 24
    assert contender.readiness.state == "ready"
    short, finish = await answer(contender, "What is the capital of France?", max_tokens=1)
    assert 0 < len(short) < len(text)
    assert (finish.reason, finish.answer_tokens) == ("length", 1)


async def test_probe(contender: Contender) -> None:
    probed = await probe(contender)
    assert probed.ok
    assert probed.text
    assert probed.ms_to_first is not None


async def test_one_child_for_those_that_differ_in_prompt_and_sampler(contender: Contender) -> None:
    async with contending(
        spec("rude", system="You are rude.", sampler=Sampler(temperature=2, seed=1))
    ) as other:
        (kind, _), (rude, _) = await asyncio.gather(
            answer(contender, "Hi"), answer(other, "Hi", max_tokens=24)
        )
        assert pid(other) == pid(contender)
        assert kind != rude
        assert other.identity.digest != contender.identity.digest
    assert contender.readiness.state == "ready"  # the child stays while somebody holds it


async def test_more_than_its_slots(contender: Contender) -> None:
    answers = await asyncio.gather(*(answer(contender, f"Count to {n}.", max_tokens=4) for n in range(12)))
    assert all(text for text, _ in answers)


async def test_leaving_frees_the_slot(contender: Contender) -> None:
    for _ in range(6):
        async with aclosing(contender.stream(user("Tell me a long story."))) as parts:
            await anext(parts)
    assert (await answer(contender, "Hi", max_tokens=2))[0]


async def test_too_long(contender: Contender) -> None:
    with pytest.raises(ContenderFailure) as caught:
        await answer(contender, "word " * 2000)
    assert caught.value.kind == "too_long"
    assert (await answer(contender, "Hi", max_tokens=2))[0]


@pytest.mark.parametrize(
    "text", ["\u202eright to left\u202c \u05d0\u05d1", "\x00\x01\x7f", "<|im_end|>{{7*7}}{%", "😀" * 50]
)
async def test_odd_prompts(contender: Contender, text: str) -> None:
    assert (await answer(contender, text, max_tokens=4))[1].reason in ("stop", "length")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
async def test_forced_tool_call(contender: Contender, choice: object) -> None:
    request = {
        "messages": user("What is the weather in Graz?"),
        "tools": TOOLS,
        "tool_choice": choice,
        "max_tokens": 60,
    }
    async with contending(spec(sampler=Sampler(temperature=0))) as free:
        got = ChatCompletion.model_validate(await free.complete(request))
        chunks = [chunk async for chunk in free.complete_stream(request)]
    assert got.choices[0].finish_reason == "tool_calls"
    assert got.choices[0].message.tool_calls is not None
    call = got.choices[0].message.tool_calls[0]
    assert call.type == "function"
    assert call.function.name == "weather"
    assert set(json.loads(call.function.arguments)) == {"city"}
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert calls[0]["function"] == call.function.model_dump()


async def test_conversation_with_a_tool_s_answer(contender: Contender) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Graz"}'}}
    messages = [
        *user("What is the weather in Graz?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny, 21 degrees"},
    ]
    got = ChatCompletion.model_validate(await contender.complete({"messages": messages, "tools": TOOLS}))
    assert got.choices[0].message.content


async def test_schema(contender: Contender) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER}}
    request = {"messages": user("Name a city."), "response_format": form}
    got = ChatCompletion.model_validate(await contender.complete(request))
    assert set(json.loads(got.choices[0].message.content or "")) == {"city"}


async def test_images_are_unsupported(contender: Contender) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(ContenderFailure) as caught:
        await contender.complete({"messages": [{"role": "user", "content": [image]}]})
    assert caught.value.kind == "unsupported"


async def test_a_forced_call_of_nothing(contender: Contender) -> None:
    with pytest.raises(InputError, match="names no function"):
        await contender.complete({"messages": user("x"), "tool_choice": "required"})


async def test_killed_in_mid_stream(contender: Contender) -> None:
    before = pid(contender)
    parts = contender.stream(user("Tell me a long story."), max_tokens=500)
    await anext(parts)
    os.kill(before, signal.SIGKILL)
    with pytest.raises(ContenderFailure) as caught:
        async for _ in parts:
            pass
    assert caught.value.kind == "crashed"
    assert (await answer(contender, "Hi", max_tokens=2))[0]
    assert pid(contender) != before


async def test_crashes_again_and_again_are_given_a_rest(contender: Contender) -> None:
    async with contending(spec("unlucky", context=512)) as unlucky:
        for _ in range(2):
            await unlucky.start()
            process = pid(unlucky)
            os.kill(process, signal.SIGKILL)
            assert await gone(process)
            await asyncio.sleep(0.2)
            assert unlucky.readiness.state == "unknown"
        with pytest.raises(ContenderFailure, match="tried again in") as caught:
            await answer(unlucky, "Hi")
        assert caught.value.kind == "crashed"
        await asyncio.sleep(2.1)
        assert (await answer(unlucky, "Hi", max_tokens=2))[0]


async def test_the_child_ends_with_the_last_holder(model: Model) -> None:
    async with contending(spec("lonely", chat_template="{{ messages[0].content }}")) as lonely:
        await lonely.start()
        process = pid(lonely)
    assert await gone(process)


async def test_the_child_ends_with_a_killed_parent(model: Model) -> None:
    code = (
        "import asyncio\nfrom fieldmark.contenders import *\n"
        f"c = make_contender(ContenderSpec(name='x', kind='weights', model={NAME!r}, context=256))\n"
        "async def main():\n    await c.start()\n    print(c.pid, flush=True)\n    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert lives(child)
    parent.kill()
    await parent.wait()
    assert await gone(child)


class TestDamage:
    """A copy of the model with something wrong."""

    @pytest.fixture
    def shelf(self, model: Model, tmp_path: Path) -> Shelf:
        place = tmp_path / NAME
        place.mkdir()
        for file in ("model.json", model.path.name):
            (place / file).write_bytes((model.path.parent / file).read_bytes())
        return Shelf(tmp_path)

    async def refused(self, shelf: Shelf, says: str) -> None:
        async with contending(spec(), shelf) as contender:
            with pytest.raises(ModelError, match=says) as caught:
                await contender.start()
            assert f"fieldmark models pull {NAME} --again" in caught.value.hint
            assert contender.readiness.state == "failed"
            with pytest.raises(ContenderFailure, match=says) as failed:
                await answer(contender, "Hi")
            assert failed.value.kind == "crashed"

    async def test_a_flipped_bit(self, shelf: Shelf, model: Model) -> None:
        path = shelf.find(NAME).path
        with path.open("r+b") as file:
            file.seek(50_000_000)
            byte = file.read(1)[0]
            file.seek(50_000_000)
            file.write(bytes([byte ^ 1]))
        await self.refused(shelf, f"should be {model.sha256} and is [0-9a-f]{{64}}")

    async def test_truncated(self, shelf: Shelf) -> None:
        os.truncate(shelf.find(NAME).path, 1_000_000)
        await self.refused(shelf, "has 1,000,000 bytes and should have 98,362,432")

    async def test_not_gguf(self, shelf: Shelf) -> None:
        shelf.find(NAME).path.write_text("<html>not found</html>")
        await self.refused(shelf, "no GGUF file")

    async def test_gone(self, shelf: Shelf) -> None:
        shelf.find(NAME).path.unlink()
        await self.refused(shelf, "cannot be read")

    async def test_a_file_that_llama_cannot_load(self, tmp_path: Path) -> None:
        path = tmp_path / "odd.gguf"
        path.write_bytes(b"GGUF" + b"\x03\x00\x00\x00" + bytes(100))
        async with contending(ContenderSpec(name="odd", kind="weights", model=str(path))) as contender:
            begun = time.monotonic()
            with pytest.raises(ModelError, match=r"llama\.cpp cannot load 'odd'"):
                await contender.start()
            assert time.monotonic() - begun < 10

    async def test_a_path_whose_file_changed(self, shelf: Shelf) -> None:
        path = shelf.find(NAME).path
        async with contending(ContenderSpec(name="x", kind="weights", model=str(path)), shelf) as contender:
            assert contender.identity.parts["weights"] == shelf.find(NAME).sha256
            with path.open("ab") as file:
                file.write(b"more")
            with pytest.raises(ModelError, match="bytes and should have"):
                await contender.start()


async def test_not_on_the_shelf(tmp_path: Path) -> None:
    contender = make_contender(spec(), shelf=Shelf(tmp_path))
    assert contender.readiness.state == "missing"
    with pytest.raises(ModelError) as caught:
        _ = contender.identity
    assert caught.value.hint == f"fieldmark models pull {NAME}"
    with pytest.raises(ContenderFailure):
        await answer(contender, "Hi")
    await contender.close()


async def test_the_shelf_s_template_is_part_of_the_identity(model: Model) -> None:
    own = make_contender(spec()).identity
    plain = make_contender(spec(chat_template="plain")).identity
    written = make_contender(spec(chat_template="{{ messages[0].content }}")).identity
    assert len({own.digest, plain.digest, written.digest}) == 3
    assert own.parts["weights"] == model.sha256
    assert plain.parts["stops"] == ["\nQuestion:", "\nAnswer:"]


@pytest.mark.parametrize("more", [{"url": "http://h/v1"}, {"key_env": "KEY"}, {"model": None}])
async def test_specs_that_cannot_be(more: dict[str, Any]) -> None:
    given = {"name": "x", "kind": "weights", "model": NAME, **more}
    with pytest.raises(InputError, match=next(iter(more))):
        make_contender(ContenderSpec.model_validate(given))
