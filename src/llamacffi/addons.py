"""Add-ons: packages that bring one more backend's module, such as `llamacffi-vulkan`.

An add-on names its Python package under the entry point group `llamacffi.backends`. That package is not imported: its
`backend.json` (tools/addon.py writes it) says where the module is and which llama.cpp it is built for.
"""

from __future__ import annotations

import os

import llamacffi

from .errors import BackendError
from .manifest import read
from .native import PACKAGE, encode_path, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import Distribution
    from typing import Any

__all__ = ["EXTRAS", "AddOn", "find_addons", "load_libraries"]

GROUP = "llamacffi.backends"
"""The group of the entry points by which add-ons are found."""
EXTRAS = {"vulkan": "vulkan", "cuda": "cuda13"}
"""The add-ons that we make: backend to what it is called in `pip install llamacffi[…]`."""


class AddOn:
    """An installed add-on that is built for this very llama.cpp.

    Attributes:
        name: its backend, "vulkan".
        path: the module's file.
        libraries: what the module needs from other pip packages: file name to the package's name, in loading order.
    """

    __slots__ = ("libraries", "name", "path")

    def __init__(self, name: str, path: str, libraries: dict[str, str]) -> None:
        self.name: str = name
        self.path: str = path
        self.libraries: dict[str, str] = libraries


def find_addons() -> tuple[dict[str, AddOn], dict[str, str]]:
    """The add-ons that are installed, by backend; and those that are refused, each with the reason and the remedy.

    Raises:
        BackendError: there are some, and the package's own manifest.json is gone.
    """
    usable: dict[str, AddOn] = {}
    refused: dict[str, str] = {}
    core: dict[str, Any] = {}
    for name, package, distribution in _entry_points():
        if name in usable:
            continue
        try:
            core = core or read("manifest.json", PACKAGE)
        except (OSError, ValueError) as error:
            raise BackendError(
                f"{os.path.join(PACKAGE, 'manifest.json')}: {error}: the installation is not whole, install again"
            ) from None
        try:
            usable[name] = _check(name, package, distribution, core)
        except BackendError as error:
            refused.setdefault(name, str(error))
    return usable, {name: why for name, why in refused.items() if name not in usable}


def _entry_points() -> Iterator[tuple[str, str, Distribution]]:
    """Backend, package and distribution of each installed add-on."""
    from importlib.metadata import distributions

    seen: set[str] = set()
    for distribution in distributions():
        # Most have none of this, and are not parsed.
        if GROUP not in (distribution.read_text("entry_points.txt") or ""):
            continue
        name = distribution.metadata["Name"]
        if name not in seen:  # a second one is further down the path, and hidden
            seen.add(name)
            for entry in distribution.entry_points:
                if entry.group == GROUP:
                    yield entry.name.lower(), entry.value, distribution


def _check(name: str, package: str, distribution: Distribution, core: dict[str, Any]) -> AddOn:
    """The add-on, if it fits the core.

    Raises:
        BackendError: it does not, or is damaged; the message says what to do.
    """
    from importlib.util import find_spec

    label = f"{distribution.metadata['Name']} {distribution.version}"
    project = label.partition(" ")[0]
    try:
        spec: Any = find_spec(package)
        folder: str
        (folder,) = spec.submodule_search_locations
        own = read("backend.json", folder)
        path = os.path.join(folder, *own["file"].split("/"))
        libraries = dict(own["libraries"])
        built_for = [own[key] for key in ("version", "commit", "abi")]
        os.stat(path)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, ImportError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise BackendError(
            f"the installation of {label} is damaged ({problem}): pip install --force-reinstall --no-deps {project}"
        ) from None
    if built_for == [core["version"], core["commit"], core["abi"]]:
        return AddOn(name, path, libraries)
    ours, its = (f"llama.cpp {each['version']} (commit {each['commit']})" for each in (core, own))
    problem = f"{label} is for {its}, and this llamacffi {llamacffi.__version__} has {ours}"
    if ours == its:
        problem = f"{label} is for another build of {ours}: its headers or compile options differ (ABI)"
    if distribution.version == llamacffi.__version__:
        remedy = "build both from one source"
    else:
        remedy = f"pip install {project}=={llamacffi.__version__}"
    raise BackendError(f"{problem}: {remedy}")


def load_libraries(addon: AddOn) -> bool:
    """Load the libraries that the module does not find by itself, its packages being in another folder.

    Returns:
        Whether there was any.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    loaded = False
    for file, package in addon.libraries.items():
        try:
            files = distribution(package).files or []
        except PackageNotFoundError:
            continue
        for each in files:
            # Never closed: what has been loaded is found by its name from then on.
            if each.name == file and lib.llamacffi_module_open(encode_path(str(each.locate()))):
                loaded = True
    return loaded
