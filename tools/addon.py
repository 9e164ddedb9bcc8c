"""An add-on's wheel: one backend's module, for the core of the same llama.cpp. Called by the setup.py in backends/.

The wheel does not depend on a Python version, and not on the core's wheel: which core is there is the user's choice,
and the core looks whether the two fit, by `backend.json`:

    backend                the backend's name, "vulkan"
    file                   the module, seen from the package's folder
    libraries              libraries that pip packages bring: file name to the package's name, in the order of loading
    version, commit, abi   as in the core's manifest.json
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Callable, Optional

import setuptools
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

import manifest
import native_build
import vendor
from pinned import ROOT

# From an add-on's `lib` to the core's.
CORE = "../../llamacffi/lib"


def setup(
    backend: str,
    package: str,
    options: Callable[[Path], dict[str, str]] = lambda source: {},
    neighbours: Optional[list[str]] = None,
    libraries: Optional[dict[str, str]] = None,
) -> None:
    """Run setuptools for an add-on; its static metadata is in its pyproject.toml.

    Args:
        backend: the backend's name, as in ggml's `ggml-<name>`.
        package: the add-on's Python package.
        options: further variables for CMake, given llama.cpp's source.
        neighbours: where the module finds libraries beside the core's: folders, seen from its own.
        libraries: as in `backend.json`.
    """

    class Build(build_py):
        def run(self) -> None:
            super().run()
            target = Path(self.build_lib) / package
            try:
                source, commit = vendor.choose(ROOT)
                chosen = {"LLAMACFFI_NEIGHBOURS": ";".join([CORE, *(neighbours or [])]), **options(source)}
                installed = native_build.build_module(backend, source, commit, ROOT / "build", chosen)
            except (vendor.VendorError, native_build.BuildError) as error:
                raise SystemExit(f"llamacffi: {error}") from None
            for name in ("lib", "licenses"):
                shutil.rmtree(target / name, ignore_errors=True)
                shutil.copytree(installed / name, target / name)
            (module,) = (target / "lib").iterdir()
            facts = manifest.facts(source, native_build.llama_version(installed), commit)
            own: dict[str, Any] = {"backend": backend, "file": f"lib/{module.name}", "libraries": libraries or {}}
            manifest.write(target / "backend.json", {**facts, **own})

    class Wheel(bdist_wheel):
        def get_tag(self) -> tuple[str, str, str]:
            return "py3", "none", super().get_tag()[2]

    class Distribution(setuptools.Distribution):
        def has_ext_modules(self) -> bool:
            return True

    os.chdir(ROOT / "backends" / backend)
    setuptools.setup(
        version=manifest.package_version(),
        distclass=Distribution,
        cmdclass={"build_py": Build, "bdist_wheel": Wheel},
        options={"build": {"build_base": str(ROOT / "build" / f"addon-{backend}")}},
    )
