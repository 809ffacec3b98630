"""The answers that `soak.drift` judges: a real model asked its canaries over and over, unchanged and swapped.

Every run is a line of `build/soak/drift/answers.jsonl`, so that asking goes on where it stopped, and the test
can be judged anew on answers that were asked once.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.contenders import ContenderSpec, Sampler, Shelf, make_contender
from fieldmark.fields import Member
from fieldmark.gateway import Canaries, CanaryRun, ask_canaries
from soak._workspace import ROOT

FOLDER = ROOT / "build/soak/drift"
RUNS = FOLDER / "answers.jsonl"
MODEL = "smollm2-135m"
OTHER_MODEL = "gemma3-270m"
TEMPERATURE = 0.8


@dataclass(frozen=True)
class Size:
    """A canary set, and how many runs of each variant are wanted."""

    what: str
    canaries: Canaries
    turn: int
    """Runs before it is the other size's turn."""
    runs: Mapping[str, int]


_SHORT = (
    "Name a colour.",
    "Write one line about the sea.",
    "Give a first name for a cat.",
    "What should I eat tonight?",
)
_MORE = (
    "Why is the sky blue?",
    "Write a polite refusal of an invitation.",
    "How do I remove a coffee stain?",
    "Explain what a contract is to a child.",
)
VARIANTS = {
    "unchanged": f"SmolLM2-135M, Q4_1, temperature {TEMPERATURE}",
    "quantisation": "its Q4_1 tensors requantised to Q4_0",
    "temperature": f"temperature {TEMPERATURE} -> 1.2",
    "top_p": "top_p 0.95 -> 0.6",
    "model": "Gemma 3 270M in its place",
}
SIZES = {
    "short": Size(
        "4 prompts, 2 answers of at most 8 tokens to each: few and short, so that a thousand runs take minutes",
        Canaries(_SHORT, samples=2, max_tokens=8),
        80,
        {"unchanged": 1010, "quantisation": 80, "temperature": 80, "top_p": 80, "model": 40},
    ),
    "usual": Size(
        "8 prompts, 2 answers of at most 24 tokens to each: nearer to what a field asks (8 prompts, 2 answers, 64)",
        Canaries(_SHORT + _MORE, samples=2, max_tokens=24),
        12,
        {"unchanged": 24, "quantisation": 20, "temperature": 20, "top_p": 20, "model": 10},
    ),
}


def read_runs(size: str) -> dict[str, list[dict[str, list[str]]]]:
    """The answers so far, by variant, in the order asked. Runs with a failed answer are left out."""
    found: dict[str, list[dict[str, list[str]]]] = {name: [] for name in VARIANTS}
    for line in _lines(size):
        if not line["failed"]:
            found[line["variant"]].append(line["answers"])
    return {name: runs[: SIZES[size].runs[name]] for name, runs in found.items()}


def seconds_asked() -> float:
    """How long the asking took, all runs together."""
    return sum(float(line["seconds"]) for size in SIZES for line in _lines(size))


def _lines(size: str) -> Iterator[dict[str, Any]]:
    if RUNS.exists():
        for line in RUNS.read_text("utf-8").splitlines():
            parsed = json.loads(line)
            if parsed["canaries"] == SIZES[size].canaries.key:
                yield parsed


def missing(size: str) -> dict[str, int]:
    """Runs still to be asked, by variant."""
    wanted, have = SIZES[size].runs, read_runs(size)
    return {name: count - len(have[name]) for name, count in wanted.items() if count > len(have[name])}


async def ask(until: float) -> None:
    """Ask what is missing until `time.monotonic()` says `until`: each variant in turn, in shares of what it lacks."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as open_:
        members: dict[str, Member] = {}
        for size in SIZES:
            for name in missing(size):
                if name not in members and _here(name):
                    members[name] = _member(name)
                    open_.push_async_callback(members[name].close)
        while any([await _ask_some(size, members, until) for size in SIZES]):
            pass


async def _ask_some(size: str, members: Mapping[str, Member], until: float) -> bool:
    """One turn; False if there was nothing to do, or no time."""
    lacking = {name: count for name, count in missing(size).items() if name in members}
    for name, count in lacking.items():
        for _ in range(min(count, max(1, round(SIZES[size].turn * count / sum(lacking.values()))))):
            if time.monotonic() > until:
                return False
            _keep(size, name, *await _timed(members[name], SIZES[size].canaries))
    return bool(lacking)


async def _timed(member: Member, canaries: Canaries) -> tuple[CanaryRun, float]:
    began = time.monotonic()
    return await ask_canaries(member, canaries, at_once=4), time.monotonic() - began


def _keep(size: str, name: str, run: CanaryRun, seconds: float) -> None:
    line = {"variant": name, "canaries": SIZES[size].canaries.key, "seconds": round(seconds, 3)}
    line |= {"failed": run.failed, "answers": run.answers}
    with RUNS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _here(name: str) -> bool:
    return name != "model" or Shelf().has(OTHER_MODEL)


def _member(name: str) -> Member:
    sampler = Sampler(
        temperature=1.2 if name == "temperature" else TEMPERATURE, top_p=0.6 if name == "top_p" else None
    )
    model = {"quantisation": str(requantised()), "model": OTHER_MODEL}.get(name, MODEL)
    template = "smollm2" if name == "quantisation" else None  # as the shelf gives the original
    spec = ContenderSpec(
        name=name, kind="weights", model=model, sampler=sampler, context=256, chat_template=template
    )
    contender = make_contender(spec)
    return Member(contender, contender.identity.digest)


def requantised() -> Path:
    """SmolLM2 with every Q4_1 tensor as Q4_0, and nothing else changed."""
    path = FOLDER / "requantised-q4_0.gguf"
    if not path.exists():
        part = path.with_suffix(".part")
        _requantise(Shelf().find(MODEL).path, part)
        part.replace(path)
    return path


def _requantise(old: Path, new: Path) -> None:
    import gguf

    reader = gguf.GGUFReader(old)
    writer = gguf.GGUFWriter(new, str(reader.fields["general.architecture"].contents()))
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        inner = field.types[-1] if field.types[0] is gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), field.types[0], sub_type=inner)
    for tensor in reader.tensors:
        data, kind = tensor.data, tensor.tensor_type
        if kind is gguf.GGMLQuantizationType.Q4_1:
            kind = gguf.GGMLQuantizationType.Q4_0
            data = gguf.quantize(gguf.dequantize(data, gguf.GGMLQuantizationType.Q4_1), kind)
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    asyncio.run(ask(time.monotonic() + 3600))
