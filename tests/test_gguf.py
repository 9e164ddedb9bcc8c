"""GGUF files: metadata of every type, tensors, and copies; what is damaged, and what can't be written."""

from __future__ import annotations

import math
import os
import random
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import pytest

import damage
import llamacffi
import tiny_models
from llamacffi import GGUF, LlamaError, ffi, lib

np = pytest.importorskip("numpy")

LIMITS = {
    "u8": (0, 2**8 - 1),
    "i8": (-(2**7), 2**7 - 1),
    "u16": (0, 2**16 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u32": (0, 2**32 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "u64": (0, 2**64 - 1),
    "i64": (-(2**63), 2**63 - 1),
}


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Callable[[GGUF], GGUF]]:
    """A function that writes an object to a file, closes it, and opens the file."""
    opened: list[GGUF] = []

    def write(gguf: GGUF) -> GGUF:
        path = tmp_path / f"{len(opened)}.gguf"
        gguf.write(path)
        gguf.close()
        opened.append(GGUF(path))
        return opened[-1]

    yield write
    for each in opened:
        each.close()


def test_every_type_and_its_limits(written: Callable[[GGUF], GGUF]) -> None:
    gguf = GGUF()
    for name, (least, most) in LIMITS.items():
        gguf.set(f"{name}.least", least, type=name)
        gguf.set(f"{name}.most", most, type=name)
        gguf.set(f"{name}.list", [least, most], type=name)
        for wrong in (least - 1, most + 1, 0.5, True, "1", [least - 1], [most + 1], [0.5], [True], ["1"]):
            with pytest.raises(llamacffi.InvalidArgumentError, match="wrong"):
                gguf.set("wrong", wrong, type=name)
    assert "wrong" not in gguf
    gguf.set("f32", 0.1, type="f32")
    gguf.set("f64", 0.1, type="f64")
    gguf.set("f64s", [math.inf, -0.0, 1e-300], type="f64[]")
    gguf["bool"], gguf["bools"] = True, [False, True, True]
    gguf["str"], gguf["strs"] = "Käse\n𝄞", ["", "a b", "日本"]
    read = written(gguf)
    for name, (least, most) in LIMITS.items():
        assert (read[f"{name}.least"], read[f"{name}.most"]) == (least, most)
        assert read.type_of(f"{name}.least") == name
        assert read.type_of(f"{name}.list") == f"{name}[]"
        assert read[f"{name}.list"].tolist() == [least, most]
        assert read[f"{name}.list"].dtype == f"{'u' if name[0] == 'u' else ''}int{name[1:]}"
    assert read["f32"] == struct.unpack("f", struct.pack("f", 0.1))[0]
    assert read["f64"] == 0.1
    assert read["f64s"].tolist() == [math.inf, 0, 1e-300]
    assert read["bool"] is True
    assert read["bools"].tolist() == [False, True, True]
    assert read["bools"].dtype == bool
    assert read["str"] == "Käse\n𝄞"
    assert read["strs"] == ["", "a b", "日本"]
    assert read.type_of("strs") == "str[]"


def test_mapping() -> None:
    with GGUF() as gguf:
        assert gguf
        assert not list(gguf)
        gguf.update({"a": 1, "b": "two"})
        assert dict(gguf) == {"a": 1, "b": "two"}
        assert gguf.get("c") is None
        assert gguf.pop("a") == 1
        assert "a" not in gguf
        assert "a\0" not in gguf
        number: object = 5
        assert number not in gguf
        for missing in (lambda: gguf["a"], lambda: gguf.type_of("a"), lambda: gguf.__delitem__("a")):
            with pytest.raises(KeyError, match="a"):
                missing()
        gguf.clear()
        assert len(gguf) == 0


def test_types_that_are_chosen() -> None:
    with GGUF() as gguf:
        for value, name in (
            (5, "u32"),
            (-5, "i32"),
            (2**32, "u64"),
            (-(2**40), "i64"),
            (1.5, "f32"),
            (True, "bool"),
            ("x", "str"),
            ([1, -2], "i32[]"),
            ([2**31], "i64[]"),
            ([2**63], "u64[]"),
            ([1, 2.5], "f32[]"),
            ((True, False), "bool[]"),
            (["x"], "str[]"),
            (np.float64(2), "f32"),
            (np.int8(3), "u32"),
            (np.array([1, 2], np.uint8), "u8[]"),
            (np.array([1.5], np.float16), "f32[]"),
            (np.array([], np.float64), "f64[]"),
            (np.array(["x", "y"]), "str[]"),
            (np.array([True]), "bool[]"),
        ):
            gguf.pop("key", None)
            gguf["key"] = value
            assert gguf.type_of("key") == name
            assert np.array_equal(gguf["key"], value)


def test_type_is_kept_where_the_value_fits_it() -> None:
    with GGUF() as gguf:
        gguf.set("n", 3, type="u8")
        gguf["n"] = 255
        assert gguf.type_of("n") == "u8"
        gguf["n"] = 256
        assert (gguf["n"], gguf.type_of("n")) == (256, "u32")
        gguf["n"] = "text"
        assert gguf.type_of("n") == "str"
        gguf.set("list", [1.0], type="f64")
        gguf["list"] = [2, 3]
        assert gguf.type_of("list") == "f64[]"
        gguf["flag"] = True
        gguf["flag"] = 7
        assert (gguf["flag"], gguf.type_of("flag")) == (7, "u32")


@pytest.mark.parametrize(
    ("key", "value", "options"),
    [
        ("k", None, {}),
        ("k", {"a": 1}, {}),
        ("k", {1, 2}, {}),
        ("k", [], {}),
        ("k", [1, "a"], {}),
        ("k", [[1], [2]], {}),
        ("k", np.zeros((2, 2)), {}),
        ("k", 2**64, {}),
        ("k", "a\0b", {}),
        ("k\0", 1, {}),
        (5, 1, {}),
        ("k", 1, {"type": "u128"}),
        ("k", 1, {"type": "u8[]"}),
        ("k", 1, {"type": "str"}),
        ("general.alignment", 48, {}),
        ("general.alignment", -1, {}),
        ("general.alignment", "32", {}),
    ],
)
def test_values_that_can_not_be(key: Any, value: Any, options: dict[str, str]) -> None:
    with GGUF() as gguf:
        gguf["k"] = "before"
        with pytest.raises(llamacffi.InvalidArgumentError):
            gguf.set(key, value, **options)
        assert dict(gguf) == {"k": "before"}


def test_text_that_is_not_utf_8(written: Callable[[GGUF], GGUF]) -> None:
    gguf = GGUF()
    gguf["tokens"] = [b"\xff\xfe".decode("utf-8", "surrogateescape"), "ok"]
    read = written(gguf)
    assert read["tokens"][0].encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert written(read)["tokens"][0].encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_tensors_of_every_kind(written: Callable[[GGUF], GGUF]) -> None:
    values = np.random.default_rng(0).standard_normal((2, 3, 256)).astype(np.float32)
    gguf = GGUF()
    for dtype in ("float32", "float16", "float64", "int8", "int16", "int32", "int64"):
        gguf.add_tensor(dtype, (values * 9).astype(dtype))
    gguf.add_tensor("to f16", values, "F16")
    gguf.add_tensor("to bf16", values, "bf16")
    gguf.add_tensor("bits", np.full((4,), 0x3F80, np.uint16), "bf16")
    gguf.add_tensor("q4_0", values, "q4_0")
    gguf.add_tensor("q5_K", values.astype(np.float64), "q5_k")
    gguf.add_tensor("iq3_s", values, lib.GGML_TYPE_IQ3_S, imatrix=np.arange(256))
    gguf.add_tensor("blocks", gguf.tensors["q4_0"].array(), "q4_0")
    gguf.add_tensor("turned", values.T[::-1])
    gguf.add_tensor("from a list", [[1.0, 2.0]], "f32")
    gguf.add_tensor("big endian", values.astype(">f4"), "f32")
    read = written(gguf)
    assert list(read.tensors) == list(gguf._tensors)
    for dtype in ("float32", "float16", "float64", "int8", "int16", "int32", "int64"):
        tensor = read.tensors[dtype]
        assert tensor.shape == (2, 3, 256)
        assert tensor.array().dtype == dtype
        assert (tensor.array() == (values * 9).astype(dtype)).all()
        assert (tensor.dequantize() == (values * 9).astype(dtype).astype(np.float32)).all()
        assert tensor.size == tensor.array().nbytes
        assert tensor.offset is not None
        assert tensor.offset % 32 == 0
    assert (read.tensors["to f16"].array() == values.astype(np.float16)).all()
    assert read.tensors["bits"].dequantize().tolist() == [1, 1, 1, 1]
    assert read.tensors["big endian"].array().tolist() == values.tolist()
    assert (read.tensors["turned"].array() == values.T[::-1]).all()
    assert read.tensors["blocks"].array().tobytes() == read.tensors["q4_0"].array().tobytes()
    for name, error in (("to bf16", 0.01), ("q4_0", 0.4), ("q5_K", 0.2), ("iq3_s", 0.9)):
        assert read.tensors[name].shape == (2, 3, 256)
        assert abs(read.tensors[name].dequantize() - values).max() < error
        with pytest.raises(ValueError, match="read-only"):
            read.tensors[name].array()[0] = 0


@pytest.mark.parametrize(
    ("name", "values", "type_", "reason"),
    [
        ("", np.ones(3), "f32", "name"),
        ("x" * 64, np.ones(3), "f32", "name"),
        ("there", np.ones(3), "f32", "is a tensor"),
        ("x", np.ones((1, 1, 1, 1, 1)), None, "dimensions"),
        ("x", np.ones((0, 3)), None, "empty"),
        ("x", np.ones(3, np.uint8), None, "uint8"),
        ("x", ["a"], None, "no type for"),
        ("x", np.ones(33), "q4_0", "no multiple"),
        ("x", np.ones(17, np.uint8), "q4_0", "made of"),
        ("x", np.ones(3), "q4", "none of ggml's types"),
        ("x", np.ones(3), 4, "none of ggml's types"),
        ("x", np.full(3, 0.5), "i32", "i32"),
        ("x", np.full(3, 2**40), "i32", "room"),
        ("x", np.ones(256), "iq2_xxs", "imatrix"),
    ],
)
def test_tensors_that_can_not_be(name: str, values: Any, type_: Any, reason: str) -> None:
    with GGUF() as gguf:
        gguf.add_tensor("there", np.ones(3, np.float32))
        with pytest.raises(llamacffi.InvalidArgumentError, match=reason):
            gguf.add_tensor(name, values, type_)
        assert list(gguf.tensors) == ["there"]


def test_llama_cpp_loads_what_was_built_from_nothing(tmp_path: Path) -> None:
    """The tiny model of the other tests, written by this class, gives the same logits to the last bit."""
    theirs, ours = tiny_models.write_llama(tmp_path / "theirs.gguf"), tmp_path / "ours.gguf"
    with GGUF(theirs) as source, GGUF() as made:
        for key, value in source.items():
            made.set(key, value, type=source.type_of(key))
        for name, tensor in source.tensors.items():
            made.add_tensor(name, tensor.array().copy())
        made.write(ours)
    assert logits_of(ours) == logits_of(theirs)


def logits_of(path: Path) -> list[float]:
    model = llamacffi.llama_model_load_from_file(path, llamacffi.llama_model_default_params())
    assert model
    params = llamacffi.llama_context_default_params()
    params.n_ctx, params.n_threads = 32, 1
    ctx = llamacffi.llama_init_from_model(model, params)
    llamacffi.llama_decode(ctx, llamacffi.llama_batch_get_one(ffi.new("llama_token[]", [1, 2, 3]), 3))
    logits = list(llamacffi.llama_get_logits_ith(ctx, -1)[0 : tiny_models.N_VOCAB])
    llamacffi.llama_free(ctx)
    llamacffi.llama_model_free(model)
    return logits


def test_a_copy_keeps_tensors_byte_for_byte(model_path: str, tmp_path: Path) -> None:
    with GGUF(model_path) as source:
        before = {key: source[key] for key in source}
        source["general.name"] = "another name, which is longer than the one that there was"
        source["general.alignment"] = 128
        del source["general.license"]
        source.write(tmp_path / "copy.gguf")
        with GGUF(tmp_path / "copy.gguf") as copy:
            assert list(copy.tensors) == list(source.tensors)
            assert copy.alignment == 128
            for name, tensor in source.tensors.items():
                offset = copy.tensors[name].offset
                assert offset is not None
                assert offset % 128 == 0
                assert copy.tensors[name].type == tensor.type
                assert copy.tensors[name].array().tobytes() == tensor.array().tobytes()
            changed = {key for key in before if key not in copy or not np.array_equal(copy[key], before[key])}
            assert changed == {"general.name", "general.license"}
    model = llamacffi.llama_model_load_from_file(tmp_path / "copy.gguf", llamacffi.llama_model_default_params())
    assert model
    llamacffi.llama_model_free(model)


def test_writing_over_the_file_that_was_read(tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    os.chmod(path, 0o640)
    with GGUF(path) as gguf:
        values = gguf.tensors["output.weight"].array()
        kept = values.copy()
        gguf["general.name"] = "changed"
        gguf.remove_tensor("output.weight")
        gguf.write(path)
    assert (values == kept).all()  # of the file as it was
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["model.gguf"]
    with GGUF(path) as gguf:
        assert gguf["general.name"] == "changed"
        assert "output.weight" not in gguf.tensors


def test_writing_over_the_file_lets_go_of_the_old_one(tmp_path: Path) -> None:
    """It is not mapped while it is replaced, which Windows wants, and takes no space on the disk afterwards."""
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    with GGUF(path) as gguf:
        kept = {name: tensor.dequantize() for name, tensor in gguf.tensors.items()}
        gguf["general.name"] = "long " * 1000
        gguf.add_tensor("added", np.arange(3, dtype=np.float32))
        for name in ("model.gguf", "link.gguf"):
            if name == "link.gguf":
                (tmp_path / name).symlink_to(path)
                gguf["general.name"] = "short"
                del gguf["tokenizer.ggml.tokens"]
            gguf.write(tmp_path / name)
            if sys.platform == "linux":
                assert f"{path} (deleted)" not in Path("/proc/self/maps").read_text()
            with GGUF(path) as read:
                offsets = {name: tensor.offset for name, tensor in read.tensors.items()}
            for name, tensor in gguf.tensors.items():
                assert tensor.offset == (None if name == "added" else offsets[name])
                assert name == "added" or np.array_equal(tensor.dequantize(), kept[name])
        assert gguf.tensors["added"].array().tolist() == [0, 1, 2]
        gguf.write(path)  # an array that does not show the file is no hindrance
        assert gguf.tensors["output.weight"].offset == offsets["output.weight"]


def test_a_failure_to_write_over_the_file_leaves_it_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")

    def refuse(source: str, target: str) -> None:
        """As Windows, where another program has the file open."""
        raise PermissionError(13, "Access is denied")

    with GGUF(path) as gguf:
        kept = gguf.tensors["output.weight"].dequantize()
        gguf["general.name"] = "changed"
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refuse)
            with pytest.raises(LlamaError, match=r"this can't be written: Access is denied$"):
                gguf.write(path)
            assert np.array_equal(gguf.tensors["output.weight"].dequantize(), kept)
            gguf.tensors["output.weight"].array()
            with pytest.raises(LlamaError, match="denied: arrays show the file that is there"):
                gguf.write(path)
        gguf.write(path)
    assert os.listdir(tmp_path) == ["model.gguf"]


def test_reading_tensors_while_another_thread_writes_over_the_file(tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    with GGUF(path) as gguf:
        kept = gguf.tensors["output.weight"].dequantize()
        wrong: list[int] = []

        def read() -> None:
            for _ in range(300):
                if not np.array_equal(gguf.tensors["output.weight"].dequantize(), kept):
                    wrong.append(1)

        thread = threading.Thread(target=read)
        thread.start()
        number = 0
        while thread.is_alive():
            number += 1
            gguf["general.name"] = "x" * (number % 7 * 1000)
            gguf.write(path)
        assert not wrong
        assert number


def test_what_was_there_stays_if_writing_fails(tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    content = path.read_bytes()
    with GGUF(path) as gguf:
        for name, problem in (
            ("no such folder/model.gguf", "No such file"),
            (".", "is not a file"),
            ("model.gguf/model.gguf", "Not a directory"),
        ):
            with pytest.raises(LlamaError, match=problem):
                gguf.write(tmp_path / name)
    assert os.listdir(tmp_path) == ["model.gguf"]
    assert path.read_bytes() == content


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_a_full_disk(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    code = """
import resource, signal, sys
import llamacffi
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
gguf = llamacffi.GGUF(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    gguf.write(sys.argv[2])
except llamacffi.LlamaError as error:
    assert "fwrite" in error.native, error
else:
    raise AssertionError
"""
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    done = run_python("-c", code, str(path), str(tmp_path / "new.gguf"))
    assert done.returncode == 0, done.stderr
    assert os.listdir(tmp_path) == ["model.gguf"]


def test_what_can_not_be_read(tmp_path: Path) -> None:
    for content, reason in (
        (b"", "magic"),
        (b"ABCD" + bytes(100), "invalid magic characters: 'ABCD'"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "endianness"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "GGUFv1"),
        (b"GGUF" + struct.pack("<IQQ", 99, 0, 0), "99"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 5), "key"),
    ):
        path = tmp_path / "bad.gguf"
        path.write_bytes(content)
        with pytest.raises(llamacffi.LlamaError, match=reason) as raised:
            GGUF(path)
        assert str(path) in str(raised.value)
    wrong: Any
    for wrong, reason in (
        (tmp_path / "none.gguf", "none.gguf: No such file"),
        (tmp_path, "is a folder"),
        (5, "no.* path"),
    ):
        with pytest.raises(llamacffi.LlamaError, match=reason):
            GGUF(wrong)


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    os.truncate(path, path.stat().st_size - 50_000)
    with GGUF(path) as gguf:
        assert gguf["general.name"] == "tiny"
        assert gguf.tensors["token_embd.weight"].array().shape == (512, 32)
        last = list(gguf.tensors.values())[-1]
        for read in (last.array, last.dequantize, lambda: gguf.write(tmp_path / "copy.gguf")):
            with pytest.raises(llamacffi.LlamaError, match="cut off"):
                read()
    assert os.listdir(tmp_path) == ["model.gguf"]


def test_damaged_files(tmp_path: Path) -> None:
    """Each is refused with a reason, or read."""
    path = tmp_path / "damaged.gguf"
    file = damage.File(tiny_models.write_llama(path).read_bytes())
    ways = (damage.flipped_bits, damage.overwritten, damage.cut, damage.cut_out, damage.head)
    rng = random.Random(5)
    refused: list[llamacffi.LlamaError] = []
    for number in range(300):
        path.write_bytes(ways[number % len(ways)](file, rng))
        try:
            with GGUF(path) as gguf:
                for key in gguf:
                    assert gguf.type_of(key)
                    gguf[key]
                for tensor in gguf.tensors.values():
                    tensor.dequantize()
        except llamacffi.LlamaError as error:
            refused.append(error)
    assert 30 < len(refused) < 300
    assert all(error.native or "cut off" in str(error) for error in refused)


def test_arrays_outlive_the_object(tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    gguf = GGUF(path)
    tensor = gguf.tensors["output.weight"]
    values = tensor.array()
    kept = values.copy()
    gguf.close()
    os.unlink(path)
    assert (values == kept).all()
    for use in (tensor.array, tensor.dequantize):
        with pytest.raises(llamacffi.FreedHandleError, match=r"output\.weight"):
            use()


def test_after_close() -> None:
    gguf = GGUF()
    gguf.add_tensor("t", np.ones(3, np.float32))
    gguf.close()
    gguf.close()
    assert gguf.closed
    for use in (
        lambda: gguf["a"],
        lambda: gguf.set("a", 1),
        lambda: "a" in gguf,
        lambda: len(gguf),
        lambda: gguf.tensors,
        lambda: gguf.version,
        lambda: gguf.add_tensor("u", np.ones(3, np.float32)),
        lambda: gguf.remove_tensor("t"),
        lambda: gguf.write("none.gguf"),
        gguf.__enter__,
    ):
        with pytest.raises(llamacffi.FreedHandleError, match="GGUF was closed"):
            use()
    assert not os.path.exists("none.gguf")


def test_of_a_handle(tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    handle = llamacffi.gguf_init_from_file(path, ffi.new("struct gguf_init_params *", {"no_alloc": True})[0])
    with GGUF.from_handle(handle) as gguf:
        assert gguf["general.name"] == "tiny"
        assert gguf.tensors["output.weight"].shape == (512, 32)
        with pytest.raises(llamacffi.LlamaError, match="not here"):
            gguf.write(tmp_path / "copy.gguf")
    assert llamacffi.gguf_get_n_kv(handle) > 0
    llamacffi.gguf_free(handle)


def test_nothing_leaks(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    path = tiny_models.write_llama(tmp_path / "leaking.gguf")

    def turn() -> None:
        with GGUF(path) as gguf:
            gguf["general.name"] = "x" * 1000
            gguf.tensors["output.weight"].dequantize()
            gguf.write(tmp_path / "copy.gguf")

    for _ in range(20):
        turn()
    before = psutil.Process().memory_info().rss
    for _ in range(100):
        turn()
    assert psutil.Process().memory_info().rss - before < 4_000_000  # each has 400 kB of tensors
    if sys.platform == "linux":
        assert "leaking.gguf" not in Path("/proc/self/maps").read_text()


def test_without_numpy(run_python: Callable[..., Any], tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    code = """
import sys
sys.modules["numpy"] = None
import llamacffi
gguf = llamacffi.GGUF(sys.argv[1])
assert gguf["tokenizer.ggml.token_type"][:3] == [2, 3, 3], gguf["tokenizer.ggml.token_type"][:3]
gguf["list"] = [1, 2, 3]
seen = gguf.tensors["output.weight"].array()
assert (seen.shape, seen.format, seen.readonly) == ((512, 32), "f", True)
assert gguf.tensors["output.weight"].dequantize()[511, 31] == seen[511, 31]
gguf.write(sys.argv[2])
gguf.close()
with llamacffi.GGUF(sys.argv[2]) as copy:
    assert copy["list"] == [1, 2, 3]
    assert copy.tensors["output.weight"].array().tolist() == seen.tolist()
    try:
        copy.add_tensor("x", [1.0])
    except llamacffi.LlamaError as error:
        assert "NumPy" in str(error)
    else:
        raise AssertionError
"""
    done = run_python("-c", code, str(path), str(tmp_path / "copy.gguf"))
    assert done.returncode == 0, done.stderr


def test_several_threads(tmp_path: Path) -> None:
    files = [GGUF()]

    def use(number: int) -> None:
        for i in range(200):
            with suppress(llamacffi.FreedHandleError, KeyError):
                files[0][f"key.{number}"] = [i] * 10
                list(files[0])
                del files[0][f"key.{number}"]

    using = [threading.Thread(target=use, args=(number,)) for number in range(3)]
    for each in using:
        each.start()
    while any(each.is_alive() for each in using):
        old, files[0] = files[0], GGUF()
        old["general.name"] = "x"
        old.close()
    files[0].close()
