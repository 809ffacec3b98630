"""Files taken out of a folder whose owner is hostile."""

# ruff: noqa: ASYNC240 (tests look at the machine directly)
from __future__ import annotations

import asyncio
import contextlib
import io
import zipfile
from pathlib import Path

import pytest

from fieldmark.sandbox import Bubblewrap, Sandbox, glob


async def shell(sandbox: Sandbox, script: str) -> None:
    done = await sandbox.exec(["sh", "-c", script])
    assert done.ok, done


async def test_patterns_choose(box: Sandbox) -> None:
    await shell(box, "mkdir -p a/b; for f in x.txt y.py a/x.txt a/b/x.txt a/b/.hidden; do echo $f > $f; done")

    async def names(*patterns: str) -> list[str]:
        return list((await box.collect(patterns)).files)

    assert await names("*.txt") == ["x.txt"]
    assert await names("**/*.txt") == ["a/b/x.txt", "a/x.txt", "x.txt"]
    assert await names("a/**") == ["a/b/.hidden", "a/b/x.txt", "a/x.txt"]
    assert await names("a/*", "y.??") == ["a/x.txt", "y.py"]
    assert await names("a", "nothing") == []
    assert (await box.collect(["x.txt"])).files == {"x.txt": b"x.txt\n"}
    for bad in ("/etc/*", "../*", "a/../../*", ""):
        with pytest.raises(ValueError, match="within the working folder"):
            await box.collect([bad])


async def test_no_link_is_followed(box: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    await shell(
        box, f"ln -s {secret} file; ln -s {tmp_path} folder; ln -s / root; ln -s ../.. up; ln -s file chain"
    )
    found = await box.collect(["**", "folder/*", "root/etc/passwd"])
    assert found.files == {}
    assert found.left == dict.fromkeys(("chain", "file", "folder", "root", "up"), "a link")
    for path in ("file", "chain", "folder/secret", "root/etc/passwd"):
        with pytest.raises(ValueError, match="link"):
            await box.read(path)
    for path in ("folder/new", "up/new", "root/tmp/new"):
        with pytest.raises(ValueError, match="link"):
            await box.write(path, b"planted")
    await box.write("file", b"in place of the link")
    assert secret.read_text() == "of the host"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["secret"]
    assert await box.read("file") == b"in place of the link"


async def test_a_hard_link_is_a_file_of_its_own_folder_only(walled: Bubblewrap) -> None:
    assert not (await walled.exec(["ln", "/usr/bin/env", "env"])).ok
    assert not (await walled.exec(["ln", "/etc/passwd", "passwd"])).ok


async def test_pipes_sockets_and_devices_are_left(box: Sandbox) -> None:
    await shell(box, "mkfifo pipe; ln -s /dev/zero zero; ln -s /dev/stdin stdin")
    listening = "import socket; socket.socket(socket.AF_UNIX).bind('door')"
    assert (await box.exec([box.python, "-c", listening])).ok
    found = await asyncio.wait_for(box.collect(["**"]), 10)
    assert found.left == {
        "door": "no plain file",
        "pipe": "no plain file",
        "zero": "a link",
        "stdin": "a link",
    }
    with pytest.raises(ValueError, match="no plain file"):
        await asyncio.wait_for(box.read("pipe"), 10)


async def test_a_gigabyte_is_left_where_it_is(walled: Bubblewrap) -> None:
    """One of holes only is as big to whoever reads it; the limit on a file's size stops both."""
    assert not (await walled.exec(["sh", "-c", "truncate -s 1G result.bin"])).ok
    await shell(walled, "truncate -s 16M result.bin; echo done > report.txt")
    found = await walled.collect(["*"], max_bytes=1 << 20)
    assert found.files == {"report.txt": b"done\n"}
    assert found.left == {"result.bin": "too big: 16777216 bytes, 1048571 are allowed"}
    with pytest.raises(ValueError, match="too big"):
        await walled.read("result.bin")


async def test_files_and_bytes_are_bounded_together(box: Sandbox) -> None:
    await shell(box, "for n in 1 2 3 4 5 6; do head -c 100 /dev/zero > f$n; done")
    few = await box.collect(["*"], max_files=2)
    assert list(few.files) == ["f1", "f2"]
    assert few.left["f3"] == "more than 2 files"
    small = await box.collect(["*"], max_bytes=250)
    assert list(small.files) == ["f1", "f2"]
    assert small.left["f6"] == "too big: 100 bytes, 50 are allowed"


async def test_a_zip_bomb_stays_a_file(walled: Bubblewrap) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(50 << 20))
    await walled.write("result.zip", packed.getvalue())
    assert (await walled.collect(["*.zip"])).files == {"result.zip": packed.getvalue()}
    unpack = "import zipfile; zipfile.ZipFile('result.zip').extractall()"
    assert not (await walled.exec([walled.python, "-c", unpack])).ok  # the folder is full before


async def test_deep_and_crowded_folders_end_somewhere(walled: Bubblewrap) -> None:
    deep = "import os\nfor _ in range(400):\n    os.mkdir('d'); os.chdir('d')\nopen('x', 'w')"
    wide = "import os; os.mkdir('w')\nfor n in range(21000): open(f'w/{n}', 'w')"
    assert (await walled.exec([walled.python, "-c", deep])).ok
    found = await walled.collect(["**/x"])
    assert found.files == {}
    assert "40 folders deep" in next(iter(found.left.values()))
    assert (await walled.exec([walled.python, "-c", wide])).ok
    found = await walled.collect(["**"])
    assert len(found.files) <= 500
    assert any("not everything was looked at" in why for why in found.left.values())


async def test_odd_names_survive(box: Sandbox) -> None:
    script = "import os\nfor name in (b'bad\\xff', b'new\\nline', b'-rf', b'  ', 'é'.encode(), b'n' * 255):\n"
    script += "    open(name, 'w').write('x')"
    assert (await box.exec([box.python, "-c", script])).ok
    found = await box.collect(["*"])
    assert {"new\nline", "-rf", "  ", "é", "n" * 255} <= set(found.files)
    assert found.left == {"bad\\udcff": "a name that is too long, or no text"}


async def test_a_tree_that_changes_meanwhile(walled: Bubblewrap) -> None:
    """Names switch between file, link and folder as fast as they can; nothing outside ever comes out."""
    script = """
import os
while True:
    for make in (lambda: open('x', 'w').write('mine'), lambda: os.symlink('/etc/passwd', 'x'), lambda: os.mkdir('x'),
                 lambda: os.symlink('/etc', 'x')):
        try:
            make()
            if os.path.isdir('x') and not os.path.islink('x'):
                open('x/passwd', 'w').write('mine')
                os.unlink('x/passwd'); os.rmdir('x')
            else:
                os.unlink('x')
        except OSError:
            pass
"""
    churning = await walled.start([walled.python, "-c", script])
    for _ in range(300):
        found = await walled.collect(["x", "x/*"])
        assert set(found.files.values()) <= {b"mine", b"p", b""}
        with contextlib.suppress(FileNotFoundError, ValueError):
            assert await walled.read("x/passwd") in (b"mine", b"p", b"")
        with contextlib.suppress(OSError, ValueError):
            await walled.write("x/planted", b"p")
    await churning.stop()


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../b", "", ".", "nul\0", "a/.."])
async def test_paths_that_lead_elsewhere_are_refused(box: Sandbox, path: str) -> None:
    with pytest.raises(ValueError, match="within the working folder"):
        await box.write(path, b"")
    with pytest.raises(ValueError, match="within the working folder"):
        await box.read(path)


async def test_a_folder_is_no_file(box: Sandbox) -> None:
    await shell(box, "mkdir here; touch file")
    with pytest.raises(ValueError, match="no plain file"):
        await box.read("here")
    with pytest.raises(ValueError, match="here"):
        await box.write("here", b"")
    with pytest.raises(ValueError, match="folder should"):
        await box.write("file/below", b"")
    with pytest.raises(FileNotFoundError):
        await box.read("nothing/at/all")


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "a/b.txt", False),
        ("**/*.txt", "b.txt", True),
        ("**/*.txt", "a/b/c.txt", True),
        ("a/**", "a/b/.hidden", True),
        ("a/**", "ab/c", False),
        ("?.py", "a.py", True),
        ("?.py", "/.py", False),
        ("a[0].txt", "a[0].txt", True),
        ("*", "new\nline", True),
    ],
)
def test_a_pattern_is_of_whole_paths(pattern: str, path: str, matches: bool) -> None:
    assert bool(glob(pattern).fullmatch(path)) is matches
