"""Agents that follow a script: oracle, cheat, wrong solutions, and one that does nothing."""

from __future__ import annotations

import base64
import shlex

from fieldmark.errors import SandboxError
from fieldmark.scorecards._stage import Stage
from fieldmark.scorecards._task import Solution


class Scripted:
    """Does what a `Solution` says. The solution None is the nop: it says nothing and does nothing."""

    def __init__(self, solution: Solution | None) -> None:
        self.solution = solution

    async def take(self, stage: Stage) -> None:
        """Play the solution through the stage, as any contender would."""
        stage.may_step()
        if self.solution is None:
            await stage.say("")
            stage.step()
            return
        answer = self.solution.answer
        if self.solution.play:
            answer = await self.solution.play(stage) or answer
        for path, content in self.solution.files.items():
            await _put(stage, path, content)
        for name, arguments in self.solution.calls:
            await stage.call(name, arguments)
        for text in self.solution.says:
            if await stage.say(text) is None:
                break
        else:
            await stage.say(answer)
        stage.step()


async def _put(stage: Stage, path: str, content: bytes) -> None:
    sandbox = stage.scene.sandbox
    if sandbox is None:
        raise SandboxError(f"the solution has a file '{path}', but the task gives no sandbox")
    await sandbox.write(path, content)
    shown = shlex.quote(path) if len(content) > 2000 else base64.b64encode(content).decode()
    stage.note("note", text=f"put {path} ({len(content)} bytes)", content=shown[:2000])
