"""An agent behind an A2A card: told the task and what is answered to it. Its tools are its own, not the task's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmark.errors import SandboxError
from fieldmark.sandbox import Sandbox
from fieldmark.scorecards._stage import Stage

if TYPE_CHECKING:
    from fieldmark.fields import Member
    from fieldmark.scorecards._a2a import A2ATalk
    from fieldmark.scorecards._agent_contender import AgentContender


class RemoteAgent:
    """One conversation per task. Files of the task are sent along; files that come back are put where they belong."""

    def __init__(self, member: Member, contender: AgentContender) -> None:
        self.member = member
        self.contender = contender

    async def take(self, stage: Stage) -> None:
        """Talk until nobody answers."""
        told: str | None = "\n\n".join(str(m["content"]) for m in stage.messages)
        task, variant = stage.scene.task, stage.scene.variant
        files = {**task.files, **(variant.files if variant else {})} if stage.scene.sandbox else {}
        async with self.member.asked(), self.contender.talk() as talk:
            while told is not None:
                stage.may_step()
                await stage.await_turn(self.member.next_turn())
                told = await self._turn(stage, talk, told, files)
                files = {}

    async def _turn(self, stage: Stage, talk: A2ATalk, text: str, files: dict[str, bytes]) -> str | None:
        told = await talk.say(text, files)
        for path, content in told.files.items():
            await _put(stage, stage.scene.sandbox, path, content)
        stage.step()
        return await stage.say(told.text)


async def _put(stage: Stage, sandbox: Sandbox | None, path: str, content: bytes) -> None:
    if sandbox is None:
        stage.note("note", text=f"it sent a file '{path}', which this task has no place for")
        return
    try:
        await sandbox.write(path, content)
    except SandboxError:
        raise
    except (OSError, ValueError) as error:
        stage.note("note", text=f"it sent a file '{path}' that cannot be written: {error}")
    else:
        stage.note("note", text=f"it sent {path} ({len(content)} bytes)")
