"""Every kind of mistake: its file, its line, what is wrong and what would be right."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.contenders import CONTENDERS, Contender, ContenderSpec
from fieldmark.errors import FieldError, InputError, Problem
from fieldmark.fields import examples_folder, load_field
from tests.fields.folders import GOOD, found_in, make, problems, write

SECRET = "put the name of an environment variable in key_env"

SYNTAX = {
    "name = Letters": "field.toml:1: not TOML: invalid value (a text stands in quotes)",
    'name = "L"\n[policy]\nown_prompts = True': (
        "field.toml:3: not TOML: invalid value (true or false, in small letters)"
    ),
    'name = "L\n[policy]': (
        "field.toml:1: not TOML: illegal character '\\n' "
        '(a text ends with its quote on the same line, one of several lines with three: """)'
    ),
    'name = "L"\nname = "M"': "field.toml:2: not TOML: cannot overwrite a value",
    'name = "L"\n\ncategories = [': "field.toml:3: not TOML: invalid value",
    'name = "L"\n[policy\n': "field.toml:2: not TOML: expected ']' at the end of a table declaration",
    "name = " + "[" * 10_000: "field.toml: not TOML: a value is too long or nested too deeply",
}


@pytest.mark.parametrize(("text", "said"), SYNTAX.items())
def test_what_is_not_toml(tmp_path: Path, text: str, said: str) -> None:
    assert problems(make(tmp_path, text)) == [said]


VALUES = {
    'descripton = "x"': "unknown key 'descripton' (did you mean 'description'?)",
    'description = ["x"]': "'description' is a list (a text in quotes)",
    "description = 1979-05-27": "'description' is 1979-05-27 (a text in quotes)",
    'language = "english"': (
        "'language' cannot be \"english\" (a language tag, such as 'en', 'de' or 'pt-BR')"
    ),
    'id = "My field"': (
        "'id' cannot be \"My field\" "
        "(lower-case letters, digits and '-', beginning with a letter or digit, at most 64 of them)"
    ),
    "categories = 3": "'categories' is 3 (a list: [ ... ])",
    'categories = ["a"]': "'categories[0]' is \"a\" (a table: { key = value })",
    "policy = []": "'policy' is a list (a table: { key = value })",
    'policy.max_turns = "5"': "'policy.max_turns' is \"5\" (a whole number without quotes)",
    "policy.max_turns = 2.5": "'policy.max_turns' is 2.5 (a whole number without quotes)",
    "policy.max_turns = 0": "'policy.max_turns' is 0 (at least 1)",
    "policy.max_prompt_characters = 1000001": "'policy.max_prompt_characters' is 1000001 (at most 1000000)",
    "policy.confidence = 0.5": "'policy.confidence' is 0.5 (more than 0.5)",
    "policy.confidence = 1": "'policy.confidence' is 1 (less than 1)",
    "policy.hang_seconds = nan": "'policy.hang_seconds' is nan (at most 600)",
    'policy.undo_seconds = "x"': "'policy.undo_seconds' is \"x\" (a number without quotes)",
    "policy.own_prompts = 1": "'policy.own_prompts' is 1 (true or false, without quotes)",
    "policy.secrecy = true": (
        "unknown key 'policy.secrecy' (known: own_prompts, max_turns, max_prompt_characters, max_tokens, "
        "undo_seconds, hang_seconds, battle_expiry_hours, minimum_exposure, count_leaked, count_failed_side, "
        "count_revised, confidence)"
    ),
    'reason_tags = { positive = ["a", 3] }': "'reason_tags.positive[1]' is 3 (a text in quotes)",
    'rubric = [{ id = "a", question = " " }]': "'rubric[0].question' is blank (some text)",
    'rubric = [{ id = "a", question = "?", scale = 11 }]': "'rubric[0].scale' is 11 (at most 10)",
    'categories = [{ name = "A" }]': (
        "'categories[0].id' is missing (add id: How prompts and records name it)"
    ),
    'categories = [{ id = "a", name = "A" }, { id = "a", name = "B" }]': (
        "'a' is there twice in categories (the first is on line 3)"
    ),
    'rubric = [{ id = "a", question = "?" }, { id = "a", question = "?" }]': (
        "'a' is there twice in rubric (the first is on line 3)"
    ),
    'guidelines = "rules.md"': "there is no file 'rules.md' (its name, from the field's folder)",
    'prompts = "ask.toml"': "there is no file 'ask.toml' (its name, from the field's folder)",
    'guidelines = "../rules.md"': "'../rules.md' leads out of the field's folder (a file inside it)",
    'prompts = "/etc/hosts"': "'/etc/hosts' leads out of the field's folder (a file inside it)",
    'prompts = "a\\u0000b"': "'a\0b' leads out of the field's folder (a file inside it)",
    'api_key = "sk-1234"': f"a secret is written in 'api_key' ({SECRET})",
}


@pytest.mark.parametrize(("line", "said"), VALUES.items())
def test_one_wrong_value(tmp_path: Path, line: str, said: str) -> None:
    assert problems(make(tmp_path, f'name = "Letters"\n\n{line}\n')) == [f"field.toml:3: {said}"]


TABLES = {
    'kind = "wieghts"\nmodel = "m"': ["16: unknown kind 'wieghts' (one of: agent, endpoint, weights)"],
    'kind = "weights"': ["14: 'model' is missing (a contender of kind 'weights' needs model)"],
    'kind = "endpoint"\nmodel = "m"': [
        "14: 'url' is missing (a contender of kind 'endpoint' needs url and model)"
    ],
    'kind = "endpoint"': [
        "14: 'url' is missing (a contender of kind 'endpoint' needs url and model)",
        "14: 'model' is missing (a contender of kind 'endpoint' needs url and model)",
    ],
    'model = "m"': [
        "14: 'contenders[2].kind' is missing (add kind: `endpoint`: an OpenAI-compatible address. "
        "`weights`: a GGUF file, run by llama.cpp. `agent`: has its own loop)"
    ],
    'kind = "weights"\nmodel = "m"\nurl = "http://h/v1"': [
        "18: 'url' is no key of kind 'weights' (take it out)"
    ],
    'kind = "weights"\nmodel = "m"\nspend_cap = 5': [
        "18: 'spend_cap' has no price to count with (add price = { input = ..., output = ... })"
    ],
    'kind = "weights"\nmodel = "m"\nwhen = "sometimes"': [
        '18: \'contenders[2].when\' is "sometimes" ("always" or "present")'
    ],
    'kind = "weights"\nmodel = "m"\nsampler = { temperature = 9, stop = ["a", 1] }': [
        "18: 'contenders[2].sampler.temperature' is 9 (at most 5)",
        "18: 'contenders[2].sampler.stop[1]' is 1 (a text in quotes)",
    ],
    'kind = "weights"\nmodel = "m"\n[contenders.sampler]\ntop_p = 0.5\nstop = [\n  "a",\n  # b\n  1,\n]': [
        "23: 'contenders[2].sampler.stop[1]' is 1 (a text in quotes)"
    ],
    'kind = "weights"\nmodel = "m"\nsystem = """\n[[contenders]]\n"""\nprice = { input = -1, output = 1 }': [
        "21: 'contenders[2].price.input' is -1 (at least 0)"
    ],
    'kind = "endpoint"\nurl = "http://h/v1"\nmodel = "m"\nsampler.top_k = 3\ncontext = 512': [
        "19: 'sampler.top_k' is no key of kind 'endpoint' (take it out)",
        "20: 'context' is no key of kind 'endpoint' (take it out)",
    ],
    'kind = "weights"\nmodel = ""': ["17: 'model' is missing (a contender of kind 'weights' needs model)"],
    'kind = "endpoint"\nurl = "ftp://h"\nmodel = "m"': [
        "17: 'url': the URL of an endpoint begins with http:// or https:// and a host "
        "(such as http://127.0.0.1:11434/v1)"
    ],
    'kind = "endpoint"\nurl = "http://h/v1"\nmodel = "m"\nkey_env = "my key"': [
        "19: 'key_env' is no name of an environment variable (such as OPENAI_API_KEY)"
    ],
    'kind = "endpoint"\nurl = "http://h/v1"\nmodel = "m"\nkey = "sk-12"': [
        f"19: a secret is written in 'contenders[2].key' ({SECRET})"
    ],
    'kind = "endpoint"\nurl = "http://h/v1"\nmodel = "m"\nkey_env = "sk-abcdefghijklmnopqrst"': [
        f"19: a secret is written in 'contenders[2].key_env' ({SECRET})"
    ],
    'kind = "endpoint"\nurl = "http://me:pass@h/v1"\nmodel = "m"': [
        f"17: a secret is written in 'contenders[2].url' ({SECRET})"
    ],
}


@pytest.mark.parametrize(("table", "said"), TABLES.items())
def test_one_wrong_contender(tmp_path: Path, table: str, said: list[str]) -> None:
    found = problems(make(tmp_path, f'{GOOD}\n[[contenders]]\nname = "three"\n{table}\n'))
    assert found == [f"field.toml:{line}" for line in said]


def test_what_the_kind_itself_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: ContenderSpec, **_: object) -> Contender:
        raise InputError(f"contender '{spec.name}': not today", hint="tomorrow")

    monkeypatch.setattr(CONTENDERS, "_known", {"picky": refuse})
    make(tmp_path, GOOD + '\n[[contenders]]\nname = "p"\nkind = "picky"\n')
    assert problems(tmp_path) == ["field.toml:14: contender 'p': not today (tomorrow)"]


@pytest.mark.parametrize("value", ["[" * 250 + "]" * 250, "0x1" + "0" * 9_000])
def test_values_beyond_all_bounds(tmp_path: Path, value: str) -> None:
    (said,) = problems(make(tmp_path, f'name = "L"\ndescription = {value}\n'))
    assert said.startswith("field.toml")
    assert "nested too deeply" in said
    assert len(said) < 100


SOURCE = (examples_folder() / "support-desk" / "field.toml").read_bytes()
TOKENS = [
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b'"',
    b'"""',
    b"'",
    b"\n",
    b",",
    b".",
    b"#",
    b"\\",
    b"[[",
    b" 1",
    b"\xff",
    b"\0",
    b"policy",
]


@given(
    at=st.integers(0, len(SOURCE)), cut=st.integers(0, 40), put=st.lists(st.sampled_from(TOKENS), max_size=3)
)
def test_any_edit_is_either_right_or_explained(
    tmp_path_factory: pytest.TempPathFactory, at: int, cut: int, put: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("field")
    text = SOURCE[:at] + b"".join(put) + SOURCE[at + cut :]
    (folder / "field.toml").write_bytes(text)
    found = found_in(folder)
    assert all(problem.what for problem in found)
    assert all(1 <= (problem.line or 1) <= text.count(b"\n") + 1 for problem in found)


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    hidden = "sk-abcdefghijklmnopqrstuvwx"
    places = (
        f'system = "use {hidden}"',
        f'key_env = "{hidden}"',
        f'api-key = "{hidden}"',
        f'sampler.stop = ["{hidden}"]',
    )
    field = GOOD.replace("http://", f"http://me:{hidden}@") + "\n".join(places)
    found = problems(make(tmp_path, field))
    assert [problem.split(": ")[0] for problem in found] == [f"field.toml:{n}" for n in (11, 13, 14, 15, 16)]
    assert all("a secret is written in" in problem and hidden not in problem for problem in found)


def test_a_doubled_name_says_where_the_first_is(tmp_path: Path) -> None:
    table = '\n[[contenders]]\nname = "one"\nkind = "weights"\nmodel = "m"\n'
    make(tmp_path, GOOD + table, contenders__two='kind = "weights"\nmodel = "m"\n')
    assert problems(tmp_path) == [
        "field.toml:15: a second contender is called 'one' (the first is at field.toml:4; "
        "each needs its own name)",
        "contenders/two.toml:1: a second contender is called 'two' "
        "(the first is at field.toml:9; each needs its own name)",
    ]


def test_a_contender_of_its_own_file_is_checked_like_the_others(tmp_path: Path) -> None:
    make(
        tmp_path,
        contenders__three='name = "drei"\nkind = "weights"\nmodle = "m"\n',
        contenders__four="kind =",
        contenders__Five='kind = "weights"\nmodel = "m"\n',
    )
    assert problems(tmp_path) == [
        "contenders/Five.toml:1: 'name' cannot be \"Five\" (a name has up to 64 lower-case letters, digits, "
        "'.', '_', '-' and begins with a letter or digit)",
        "contenders/four.toml:1: not TOML: invalid value",
        "contenders/three.toml:1: the name 'drei' is not the file's (name = \"three\")",
        "contenders/three.toml:1: 'model' is missing (a contender of kind 'weights' needs model)",
        "contenders/three.toml:3: unknown key 'modle' (did you mean 'model'?)",
    ]


def test_prompts_are_checked_against_the_field(tmp_path: Path) -> None:
    field = (
        'name = "L"\ncategories = [{ id = "letters", name = "Letters" }]\npolicy.max_prompt_characters = 5\n'
    )
    prompts = """\
    [[prompts]]
    text = "Hi"
    category = "leters"

    [[prompts]]
    txt = "x"

    [[prompts]]
    text = "Hello you"
    """
    assert problems(make(tmp_path, field, prompts=prompts)) == [
        "prompts.toml:3: unknown category 'leters' (did you mean 'letters'?)",
        "prompts.toml:5: 'prompts[1].text' is missing (add text: What the contenders are asked)",
        "prompts.toml:6: unknown key 'prompts[1].txt' (did you mean 'text'?)",
        "prompts.toml:9: the prompt has 9 characters (at most policy.max_prompt_characters = 5)",
    ]
    write(tmp_path, "field.toml", 'name = "L"\n')
    write(tmp_path, "prompts.toml", '[[prompts]]\ntext = "Hi"\ncategory = "letters"\n')
    assert problems(tmp_path) == [
        "prompts.toml:3: unknown category 'letters' (field.toml has no [[categories]])"
    ]


@pytest.mark.parametrize("file", ["field.toml", "prompts.toml", "guidelines.md", "contenders/x.toml"])
def test_what_is_not_utf8(tmp_path: Path, file: str) -> None:
    make(tmp_path)
    (tmp_path / "contenders").mkdir()
    (tmp_path / file).write_bytes(b'# one\nname = "caf\xe9"\n')
    assert problems(tmp_path) == [f"{file}:2: byte 0xe9 is not UTF-8 (save the file as UTF-8)"]


def test_a_link_may_not_lead_out(tmp_path: Path) -> None:
    outside = write(tmp_path, "outside.toml", 'kind = "weights"\nmodel = "m"\n')
    folder = make(tmp_path / "field", 'name = "L"\nprompts = "p.toml"\n')
    (folder / "guidelines.md").unlink()
    (folder / "contenders").mkdir()
    for link in ("guidelines.md", "p.toml", "contenders/x.toml"):
        (folder / link).symlink_to(outside)
    right = "leads out of the field's folder (a file inside it)"
    assert problems(folder) == [
        f"field.toml:1: 'guidelines.md' {right}",
        f"field.toml:2: 'p.toml' {right}",
        f"contenders/x.toml: 'contenders/x.toml' {right}",
    ]
    (folder / "p.toml").unlink()
    (folder / "p.toml").symlink_to("p.toml")
    assert f"field.toml:2: 'p.toml' {right}" in problems(folder)


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    make(tmp_path, 'name = "L"\nguidelines = "texts"\n')
    (tmp_path / "texts").mkdir()
    assert problems(tmp_path) == [
        "texts: cannot be read: it is not a file (a text file that this user may read)"
    ]


def test_no_field_at_all(tmp_path: Path) -> None:
    with pytest.raises(FieldError) as error:
        load_field(tmp_path)
    assert error.value.problems == (
        Problem("field.toml", None, "there is no field.toml in this folder", "`fieldmark init` makes one"),
    )


def test_all_problems_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    field = 'nam = "L"\n[policy]\nmax_turns = 0\n[[contenders]]\nname = "A"\nkind = "weights"\n'
    make(tmp_path, field, prompts="prompts = 1\n", contenders__x="kind = 1\n")
    assert [(p.split(": ")[0]) for p in problems(tmp_path)] == [
        "field.toml:1",  # unknown key
        "field.toml:1",  # no name
        "field.toml:3",
        "field.toml:4",  # no model
        "field.toml:5",
        "contenders/x.toml:1",
        "prompts.toml:1",
    ]
