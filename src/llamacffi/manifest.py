"""The comparison of the libraries that were loaded with those that the extension was compiled for.

Importing the package does it: as long as both tell the same versions, commit and sizes, that takes microseconds. This
module is imported where they don't. It says which declarations differ, as far as can be found out from

- the functions that the loaded libraries lack,
- the sizes of structs, measured by what functions that return one write,
- the values of enums, by the names that functions such as `ggml_type_name` give them,
- the headers, where those of the loaded libraries are installed.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Optional

__all__ = ["compare", "explained", "read"]

_LIBRARY = re.compile(r"(?:lib)?(?:llamacffi-[\w-]+|llama|ggml[\w-]*|mtmd)\.(?:so[.\d]*|[.\d]*dylib|dll)")
_SHOWN = 12  # declarations of one kind in a message

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|^[ \t]*#(?:\\\n|[^\n])*|"(?:\\.|[^"\\])*"|\w+|[^\s\w]', re.DOTALL | re.MULTILINE
)
# What a declaration's words tell its name by: a body's tag, a pointer to a function, a function, what stands last. In
# front of a function there may be macros and attributes that look like calls.
_NAMES = [
    re.compile(r"\b((?:struct|union|enum) \w+) (?:: \w+ )?\{"),
    re.compile(r"^typedef .*?\( \* (\w+) \)"),
    re.compile(r"\b([a-z]\w*) \("),
    re.compile(r"(\w+) (?:\[[^;]*)?;$"),
]


def read(name: str, package: str) -> Any:
    """One of a package's JSON files; `package` is its folder."""
    import json

    with open(os.path.join(package, name), encoding="utf-8") as file:
        return json.load(file)


def compare(ffi: Any, lib: Any, package: str) -> None:
    """Find out what differs between the loaded libraries and those that the extension was compiled for.

    Args:
        ffi, lib: the extension's.
        package: the package's folder.

    Raises:
        ImportError: declarations do.
    """
    manifest, api = read("manifest.json", package), read("api.json", package)
    loaded = os.fsdecode(ffi.string(lib.llamacffi_llama_file()))
    told = {name: _told(ffi, lib, name) for name in manifest["told"]}
    found = _sizes(ffi, lib, manifest["told"], told) + _enums(ffi, lib, manifest["names"], api)
    include = _headers_of(manifest, loaded)
    if include:
        found += _declarations(os.path.join(package, "include"), include, api)
    if found:
        raise ImportError(_message(manifest, _versions(told), loaded, found))
    same = "their headers say the same" if include else "nothing that can be compared differs"
    import warnings

    warnings.warn(
        f"llamacffi was compiled for {_versions(manifest['told'])}, and loaded is {_versions(told)} ({loaded}); {same}",
        RuntimeWarning,
        stacklevel=2,
    )


def explained(error: ImportError, package: str) -> ImportError:
    """The error for an extension that does not load.

    Args:
        error: the dynamic linker's.
        package: the package's folder.

    Returns:
        One that says which functions are missing, if that is why, otherwise the same.
    """
    if not re.search(r"undefined symbol|[Ss]ymbol not found|procedure could not be found", str(error)):
        return error
    try:
        manifest, api = read("manifest.json", package), read("api.json", package)
        own = manifest.get("prefix")
        folder = own["library"] if own else os.path.join(package, "lib")
        libraries = _open(folder, bool(own))
        functions = [each["name"] for each in api["functions"] if not each["module"]]
        missing = [name for name in functions if not any(hasattr(library, name) for library in libraries)]
        told = {name: _ask(libraries, name) for name in manifest["told"]}
        found = _listed("missing: ", missing) or [str(error)]
        if own:
            found += _declarations(os.path.join(package, "include"), own["include"], api)
    except (ImportError, OSError, ValueError, KeyError):  # no ctypes, or a file of the package is missing as well
        return error
    return ImportError(_message(manifest, _versions(told), _file_of(libraries, "llama_backend_init"), found))


# --- what differs -------------------------------------------------------------------------------------------------


def _told(ffi: Any, lib: Any, name: str) -> str:
    value = getattr(lib, name)()
    return str(value) if isinstance(value, int) else ffi.string(value).decode("utf-8", "replace")


def _sizes(ffi: Any, lib: Any, compiled: dict[str, str], loaded: dict[str, str]) -> list[str]:
    found: list[str] = []
    measure = ffi.new("struct llamacffi_measure *")
    index = 0
    while True:
        differs = lib.llamacffi_differs(index, measure)
        if not measure.function:
            break
        if differs:
            record, function = (ffi.string(text).decode() for text in (measure.record, measure.function))
            found.append(f"{record}: {measure.size} bytes, and {function} writes {measure.loaded}")
        index += 1
    name = "ggml_tensor_overhead"
    if name in compiled and compiled[name] != loaded[name]:
        found.append(f"struct ggml_tensor: {name} was {compiled[name]} bytes, and is {loaded[name]}")
    return found


def _enums(ffi: Any, lib: Any, names: dict[str, dict[str, Optional[str]]], api: Any) -> list[str]:
    """The enums whose values have other names. Of each the first: what follows may be past its end."""
    functions = {each["name"]: each for each in api["functions"]}
    found: list[str] = []
    for function, texts in names.items():
        enum = functions[function]["parameters"][0]["type"]
        members = next(each["values"] for each in api["enums"] if each["name"] == enum.replace("enum ", ""))
        for value, was in sorted(texts.items(), key=lambda item: int(item[0])):
            text = getattr(lib, function)(int(value))
            now = ffi.string(text, 200).decode("utf-8", "replace") if text else None
            if now != was:
                name = next(each["name"] for each in members if each["value"] == int(value))
                found.append(f"{enum}: {name} = {value} was {was!r}, and {function}({value}) is {now!r}")
                break
    return found


def _headers_of(manifest: Any, loaded: str) -> Optional[str]:
    """The folder of the loaded library's headers, if they are installed with it."""
    own = manifest.get("prefix")
    if not own or os.path.realpath(os.path.dirname(loaded)) != os.path.realpath(own["library"]):
        return None
    include: str = own["include"]
    return include if os.path.isfile(os.path.join(include, "llama.h")) else None


def _declarations(compiled: str, installed: str, api: Any) -> list[str]:
    """What other headers declare in another way than those that the extension was compiled with, or no more."""
    ours: dict[str, str] = {}
    theirs: dict[str, str] = {}
    for name in api["headers"]:
        ours.update(_parse(os.path.join(compiled, name)))
        theirs.update(_parse(os.path.join(installed, name)))
    tags = {f"{each['kind']} {each['name']}" for each in api["structs"]} | {
        f"enum {each['name']}" for each in api["enums"]
    }
    known = tags.union(
        *({each["name"] for each in api[kind]} for kind in ("functions", "structs", "enums", "typedefs"))
    )
    differing = [name for name in ours if name in known and ours[name] != theirs.get(name)]
    changed = [name for name in differing if name in theirs]
    gone = [name for name in differing if name not in theirs]
    return _listed(f"declared otherwise in {installed}: ", changed) + _listed(f"not in {installed}: ", gone)


def _parse(path: str) -> dict[str, str]:
    """The declarations of a header, by name, each as words with a space between."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return {}
    words = [word for word in _TOKEN.findall(text) if not word.startswith(("//", "/*")) and word.lstrip()[:1] != "#"]
    found: dict[str, str] = {}
    start, depth = 0, 0
    for at, word in enumerate(words):
        depth += (word in "({[") - (word in ")}]")
        if words[at - 2 : at + 1] == ["extern", '"C"', "{"]:  # its end is taken for that of something without a name
            start, depth = at + 1, 0
        elif word in ";}" and depth <= 0:
            depth = 0
            if word == ";":
                declaration = " ".join(words[start : at + 1])
                name = next(filter(None, (pattern.search(declaration) for pattern in _NAMES)), None)
                if name:
                    found[name[1]] = declaration
                start = at + 1
    return found


# --- loading without the extension --------------------------------------------------------------------------------


def _open(folder: str, first: bool) -> list[Any]:
    """The libraries that the dynamic linker finds for the extension.

    Args:
        folder: where they should be.
        first: whether that folder comes before LD_LIBRARY_PATH's.

    Raises:
        OSError: one of them does not load.
    """
    import ctypes

    libraries: list[Any] = []
    for name in sorted(filter(_LIBRARY.fullmatch, os.listdir(folder))):  # each behind those that it needs
        path = os.path.join(folder, name)
        if not first:
            try:
                libraries.append(ctypes.CDLL(name))
                continue
            except OSError:  # not found elsewhere
                pass
        libraries.append(ctypes.CDLL(path))
    return libraries


def _file_of(libraries: list[Any], function: str) -> str:
    """The file that has a function, "?" if that can't be told."""
    import ctypes

    class Info(ctypes.Structure):
        _fields_ = (
            ("file", ctypes.c_char_p),
            ("base", ctypes.c_void_p),
            ("name", ctypes.c_char_p),
            ("at", ctypes.c_void_p),
        )

    info = Info()
    found = next((getattr(library, function) for library in libraries if hasattr(library, function)), None)
    if (
        found
        and sys.platform != "win32"
        and ctypes.CDLL(None).dladdr(ctypes.cast(found, ctypes.c_void_p), ctypes.byref(info))
    ):
        return os.fsdecode(info.file)
    return "?"


def _ask(libraries: list[Any], name: str) -> str:
    import ctypes

    for library in libraries:
        function = getattr(library, name, None)
        if function is not None:
            function.restype = ctypes.c_size_t if name == "ggml_tensor_overhead" else ctypes.c_char_p
            value = function()
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "unknown"


# --- the message --------------------------------------------------------------------------------------------------


def _versions(told: dict[str, str]) -> str:
    version, commit = told.get("llama_version", "of an unknown version"), told.get("ggml_commit", "unknown")
    return f"llama.cpp {version} (commit {commit})"


def _listed(before: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{before}{', '.join(names[:_SHOWN])}{more}"]


def _message(manifest: Any, versions: str, loaded: str, found: list[str]) -> str:
    own = manifest.get("prefix")
    if own:
        prefix = os.path.dirname(own["include"])
        advice = (
            "build it again for the libllama that is installed now, LLAMACFFI_PREFIX="
            f"{prefix} pip install --force-reinstall --no-cache-dir llamacffi"
        )
    else:
        advice = (
            "its own libraries were not found first: take LD_LIBRARY_PATH, LD_PRELOAD and their like away, or install "
            "llamacffi again"
        )
    lines = [
        f"llamacffi was compiled for {_versions(manifest['told'])}, and does not fit what was loaded, {versions} from "
        f"{loaded}. These declarations differ:",
        *(f"  {each}" for each in found),
        f"What to do: {advice}",
    ]
    return "\n".join(lines)
