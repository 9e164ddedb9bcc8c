"""tools/policy_fit.py: what the policy says of nothing, and what it should say; and `make check`'s word on it."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import api_diff
import freshness
import llamacffi
import policy_fit
import table
from fake_trees import tree
from model import Field, inline_of, spell

INVENTED = """
struct llama_thing;
struct llama_thing * llama_thing_init(struct llama_model * model, const float * data, size_t n_data);
void llama_thing_free(struct llama_thing * thing);
int llama_thing_apply(struct llama_thing * thing, const char * fname, int layer);
void llama_thing_set(struct llama_thing * thing, const void * where);
void llama_thing_decode(struct llama_thing * thing, const int * ids, int n_ids);
int llama_thing_n_layers(const struct llama_thing * thing);
struct llama_other;
struct llama_other * llama_other_new(void);
"""
NEEDED = {
    ("llama.toml", "after", 'llama_thing_init = ["made(result, blocks(model))"]'),
    ("llama.toml", "frees", 'llama_thing_free = "thing"'),
    ("llama.toml", "failure", 'llama_thing_apply = "-1"'),
    ("llama.toml", "checks", 'llama_thing_apply = [["layer", "layer >= 0 && layer < COUNT", "there are fewer"]]'),
    ("llama.toml", "computes", '"llama_thing_decode",'),
    ("llama.toml", "after", 'llama_other_new = ["made(result)"]'),
    ("llama.toml", "frees", 'FUNCTION = "llama_other"'),
    ("sizes.toml", "sizes", 'llama_thing_init = { data = "n_data" }'),
    ("sizes.toml", "sizes", 'llama_thing_set = { where = "0" }'),
    ("sizes.toml", "sizes", 'llama_thing_decode = { ids = "n_ids" }'),
    ("sizes.toml", "paths", 'llama_thing_apply = ["fname"]'),
}


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    """The API table of the package."""
    path = Path(llamacffi.__file__).with_name("api.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def newer(api: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """It, with functions that are new upstream."""
    folder = tmp_path_factory.mktemp("newer")
    invented = api_diff.of_source(tree(folder, f"struct llama_model;\n{INVENTED}"), "invented", folder / "work").api
    both = copy.deepcopy(api)
    for kind in ("functions", "structs"):
        names = {each["name"] for each in both[kind]}
        both[kind] += [each for each in invented[kind] if each["name"] not in names]
    return both


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A copy of the policy, to be changed."""
    path = tmp_path / "policy.toml"
    shutil.copy(policy_fit.POLICY, path)
    shutil.copytree(policy_fit.POLICY.with_suffix(""), path.with_suffix(""))
    return path


def test_types_are_read_as_they_are_spelled(api: dict[str, Any]) -> None:
    model = table.read(api)
    for function, each in zip(model.functions, api["functions"]):
        assert spell(function.signature.result) == each["returns"]
        given = [{"name": one.name, "type": spell(one.type)} for one in function.signature.parameters]
        assert given == each["parameters"]
    for record, each in zip(model.records, api["structs"]):
        assert (record.fields is None) == (each["fields"] is None)
        assert_fields(record.fields or [], each["fields"] or [])
    assert [spell(each.type) for each in model.typedefs] == [each["type"] for each in api["typedefs"]]


def assert_fields(fields: list[Field], table: list[dict[str, Any]]) -> None:
    assert [each.name for each in fields] == [each["name"] for each in table]
    for field, each in zip(fields, table):
        inner = inline_of(field.type)
        if inner:
            assert each["type"].startswith(inner.keyword)
            assert_fields(inner.fields or [], each["fields"])
        else:
            assert spell(field.type) == each["type"]


def test_the_policy_fits_the_pinned_source(api: dict[str, Any]) -> None:
    assert policy_fit.stale(api, None) == []
    assert policy_fit.needed(api) == []


def test_what_is_asked_of_new_functions(newer: dict[str, Any]) -> None:
    needed = policy_fit.needed(newer)
    assert {(Path(each.file).name, each.table, each.line) for each in needed} == NEEDED
    assert len(needed) == len(NEEDED)
    text = policy_fit.told(needed)
    assert '  in tools/header_gen/policy/llama.toml, [frees]:\n    llama_thing_free = "thing"  # does it end' in text


def test_lines_as_told_are_taken_and_end_the_asking(newer: dict[str, Any], policy: Path) -> None:
    """Pasted where the warning says; the lists and what only a person knows in their own way."""
    for each in policy_fit.needed(newer, policy):
        file = policy.parent / Path(each.file).relative_to("tools/header_gen")
        text = file.read_text("utf-8")
        if each.table == "computes":
            text = text.replace("[computes]\nfunctions = [", f"[computes]\nfunctions = [{each.line}")
        elif "FUNCTION" not in each.line:
            line = each.line.replace("COUNT", "llama_thing_n_layers(thing)")
            text = text.replace(f"[{each.table}]\n", f"[{each.table}]\n{line}\n", 1)
        file.write_text(text, "utf-8")
    left = policy_fit.needed(newer, policy)
    assert [each.line for each in left] == ['FUNCTION = "llama_other"']
    assert policy_fit.stale(newer, None, policy) == []


def test_what_was_looked_at_is_not_asked(newer: dict[str, Any], policy: Path) -> None:
    before = policy_fit.needed(newer, policy)
    with open(policy.with_suffix("") / "looked_at.toml", "a", encoding="utf-8") as lines:
        lines.write('llama_thing_apply = ["failure", "layer"]\nllama_thing_decode = ["computes", "ids"]\n')
    left = [each for each in before if each.function not in ("llama_thing_apply", "llama_thing_decode")]
    left += [each for each in before if each.subject == "fname"]
    assert set(policy_fit.needed(newer, policy)) == set(left)
    assert policy_fit.stale(newer, None, policy) == []


def test_lines_that_do_not_apply(api: dict[str, Any], policy: Path) -> None:
    more = '[nullable]\n# llama_gone\n"llama_go* llama_decode" = ["nothing"]\n[sizes]\nllama_decode = { batch = "1" }\n'
    (policy.with_suffix("") / "other.toml").write_text(more, "utf-8")
    found = policy_fit.stale(api, None, policy)
    assert {(each.file, each.line, each.text) for each in found} == {
        ("tools/header_gen/policy/other.toml", 3, '"llama_go* llama_decode" = ["nothing"]'),
    }
    assert [each.why for each in found] == [
        "[nullable] llama_go*: matches nothing in the headers",
        "[nullable] llama_decode: no parameter nothing",
    ]


def test_code_that_guards_leave_out(api: dict[str, Any]) -> None:
    """Checks must not get lost where a field that they look at has another name."""
    less = copy.deepcopy(api)
    for each in less["structs"]:
        lost = {"llama_context_params": "n_seq_max", "mtmd_input_part": "text"}.get(each["name"])
        each["fields"] = each["fields"] and [field for field in each["fields"] if field["name"] != lost]
    found = {(each.file, each.why) for each in policy_fit.stale(less, None)}
    folder, left_out = "tools/header_gen/policy", "left out of its guard, as there is no"
    assert (f"{folder}/llama.toml", f"[checks] llama_init_from_model: {left_out} n_seq_max") in found
    assert (f"{folder}/mtmd.toml", f"[checks] mtmd_tokenize_from_parts: {left_out} mtmd_all_parts") in found
    assert [why for file, why in found if file == "src/native/checks/mtmd.hpp" and why.startswith("mtmd_all_parts ")]


def pretend_pinned(monkeypatch: pytest.MonkeyPatch, api: dict[str, Any]) -> None:
    """Have the pinned source declare something else."""

    def of_source(source: Path, name: str, work: Path) -> api_diff.Side:
        return api_diff.Side(name, api, source)

    monkeypatch.setattr(api_diff, "of_source", of_source)


def test_make_check_warns_of_what_is_missing(
    newer: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no error: until then the defaults hold."""
    pretend_pinned(monkeypatch, newer)
    assert freshness.main() == 0
    stderr = capsys.readouterr().err
    assert stderr.startswith("warning: the policy does not say\n")
    assert 'llama_thing_free = "thing"' in stderr


def test_make_check_fails_where_a_line_does_not_apply(
    api: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    less = {**api, "functions": [each for each in api["functions"] if each["name"] != "llama_split_path"]}
    pretend_pinned(monkeypatch, less)
    assert freshness.main() == 1
    assert "tools/header_gen/policy/sizes.toml:" in capsys.readouterr().err
