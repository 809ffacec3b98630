"""An agent that is a command: run in the task's sandbox, its standard output is the answer.

It is told on standard input, and may use the task's tools by the program `fieldmark-tool`, which is also an MCP server,
and the model of its contender at `OPENAI_BASE_URL`. It has no other way out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import ContenderFailure, FailureKind, InputError, SandboxError
from fieldmark.sandbox import Mount, Running, Sandbox
from fieldmark.scorecards._stage import Stage
from fieldmark.scorecards.agents._asking import reply_of

if TYPE_CHECKING:
    from fieldmark.contenders import Contender
    from fieldmark.fields import Member

FILES_AT = "/agent"
"""Where the command's own files are inside."""
_BRIDGE = Path(__file__).parent / "_bridge.py"
_BOOT = """
import json, sys
first = json.loads(sys.stdin.readline())
names = {"__name__": "bridge"}
exec(first["source"], names)
names["run"](first)
"""
_LINE = 8 << 20
_ITS_OWN = {400, 413, 422}
"""Statuses by which an endpoint says that the question is wrong: the command wrote it."""
_AWAY: frozenset[FailureKind] = frozenset({"unreachable", "refused", "over_budget", "crashed"})


class CommandAgent:
    """Runs the command once for each thing it is told."""

    def __init__(
        self, member: Member, command: Sequence[str], files: str | None, model: Contender | None
    ) -> None:
        self.member = member
        self.command = tuple(command)
        self.mounts = (Mount(files, FILES_AT),) if files else ()
        """What the sandbox has to show the command."""
        self.model = model

    async def take(self, stage: Stage) -> None:
        """Run it, say its output, and run it again while somebody answers."""
        async with AsyncExitStack() as opened:
            sandbox = stage.scene.sandbox
            if sandbox is None:
                sandbox = await opened.enter_async_context(stage.new_sandbox(self.mounts))
            told: str | None = "\n\n".join(str(m["content"]) for m in stage.messages)
            turn = 1
            while told is not None:
                stage.may_step()
                told = await self._turn(stage, sandbox, told, turn)
                turn += 1

    async def _turn(self, stage: Stage, sandbox: Sandbox, told: str, turn: int) -> str | None:
        running = await sandbox.start([sandbox.python, "-c", _BOOT])
        link = _Link(self, stage, running)
        try:
            done = await link.carry(self._first(stage, told, turn))
        finally:
            await running.stop()
        answer, code, err = _last_words(done)
        if not link.asked:
            stage.step()
        if err:
            stage.note("note", text=f"standard error: {err[-4000:]}")
        if code and link.failure is not None and link.failure.kind in _AWAY:
            raise link.failure
        if not answer and not (stage.calls and code == 0):
            words = err.strip().splitlines()[-1:] or [""]
            why = f"the command ended with status {code}" if code else "the command said nothing"
            raise ContenderFailure("cut_off" if code else "empty", f"{why}: {words[0]}"[:500])
        if code:
            stage.note("note", text=f"the command ended with status {code}")
        return await stage.say(answer)

    def _first(self, stage: Stage, told: str, turn: int) -> dict[str, Any]:
        own = {tool.name for tool in stage.scene.hands}  # it has the sandbox already
        return {
            "source": _BRIDGE.read_text(),
            "command": [part.replace("{instruction}", told) for part in self.command],
            "told": told,
            "tools": [t.as_openai()["function"] for t in stage.tools.values() if t.name not in own],
            "model": self.model.spec.name if self.model else None,
            "env": {"FIELDMARK_TURN": str(turn)},
        }


def _last_words(done: Mapping[str, Any]) -> tuple[str, int, str]:
    """Answer, status, standard error. They come through a pipe that the command can reach: raises ContenderFailure."""
    try:
        return str(done["out"]).strip(), int(done["done"]), str(done["err"])
    except (KeyError, TypeError, ValueError):
        raise ContenderFailure("garbage", "the command wrote into the pipe that carries its calls") from None


class _Link:
    """Between the bridge inside and the stage, for one run of the command."""

    def __init__(self, agent: CommandAgent, stage: Stage, running: Running) -> None:
        self._agent = agent
        self._stage = stage
        self._running = running
        self.asked = 0
        """Questions to the model."""
        self.failure: ContenderFailure | None = None
        """Why the model could not be asked, when it was last tried; what was wrong with a question is no reason."""

    async def carry(self, first: Mapping[str, Any]) -> Mapping[str, Any]:
        """Start it and answer until it ends; its last words."""
        await self._send(first)
        while True:
            said = await self._line()
            if "done" in said:
                return said
            if "call" in said:
                arguments = said.get("arguments")
                done = await self._stage.call(
                    str(said["call"]),
                    arguments if isinstance(arguments, dict) else {"": json.dumps(arguments)},
                )
                await self._send({"id": said.get("id"), "result": done.result, "error": done.error})
            elif "model" in said:
                await self._send({"id": said.get("id"), **await self._model(said["model"])})

    async def _line(self) -> dict[str, Any]:
        left = max(1.0, self._stage.budget.seconds - self._stage.ms / 1000 + 5)
        try:
            line = await self._running.line(seconds=left, limit=_LINE)
            said = None if line is None else json.loads(line)
        except ValueError:
            raise ContenderFailure(
                "garbage", "the command wrote into the pipe that carries its calls"
            ) from None
        if not isinstance(said, dict):
            raise ContenderFailure("cut_off", "the command ended what carries its calls")
        return said

    async def _send(self, said: Mapping[str, Any]) -> None:
        try:
            await self._running.send(json.dumps(said).encode() + b"\n")
        except SandboxError:
            raise ContenderFailure("cut_off", "the command ended what carries its calls") from None

    async def _model(self, request: Any) -> dict[str, Any]:
        model, stage, member = self._agent.model, self._stage, self._agent.member
        if model is None or not isinstance(request, dict):
            return {"error": "no model can be asked", "status": 404}
        stage.may_step()
        self.asked += 1
        try:
            await stage.await_turn(member.next_turn())
            member.check_budget()
            async with member.asked():
                answer = await model.complete({**request, "model": model.spec.name})
        except InputError as error:
            return {"error": error.message, "status": 400}
        except ContenderFailure as failure:
            if failure.status not in _ITS_OWN:
                self.failure = failure
            return {"error": failure.message, "status": failure.status or 502}
        self.failure = None
        reply = reply_of(member, answer)
        stage.note("note", text="asked its model", answer=reply.text[:2000])
        stage.step(reply.prompt_tokens, reply.answer_tokens, reply.cost)
        return {"answer": answer}
