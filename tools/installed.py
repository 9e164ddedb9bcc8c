"""The user's own llama.cpp, for setup.py: an installed libllama, by the prefix that it was installed with.

Environment: `LLAMACFFI_PREFIX`, such as /usr. Nothing of llama.cpp is built then.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from native_build import BuildError

_SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
_NEEDED = ("llama", "ggml", "ggml-base")


@dataclass
class Installed:
    """An installed llama.cpp.

    Attributes:
        include: the folder of its headers.
        library: the folder of its libraries.
        core: the libraries to link with.
        backends: those that the core may have been linked with.
    """

    include: Path
    library: Path
    core: list[Path]
    backends: list[Path]

    def link_arguments(self) -> list[str]:
        """What the linker is to be told."""
        arguments = [str(path) for path in self.core]
        # Where the dynamic linker does not look by itself it must find the libraries' own neighbours, too: RUNPATH
        # would count for the extension alone.
        if not self.is_standard():
            old = [] if sys.platform == "darwin" else ["-Wl,--disable-new-dtags"]
            arguments += [f"-Wl,-rpath,{self.library}", *old]
        if self.backends:
            only_used = "-Wl,-dead_strip_dylibs" if sys.platform == "darwin" else "-Wl,--as-needed"
            arguments += [only_used, *map(str, self.backends)]
        return arguments

    def is_standard(self) -> bool:
        return self.library in {Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/lib", _multiarch())}


def find() -> Optional[Installed]:
    """The llama.cpp that `LLAMACFFI_PREFIX` names; None if it is not set.

    Raises:
        BuildError: something of it is missing, or it can't be had together with what else is set.
    """
    asked = os.environ.get("LLAMACFFI_PREFIX")
    if not asked:
        return None
    for other in ("LLAMACFFI_SOURCE_DIR", "CMAKE_ARGS", "LLAMACFFI_CPU_VARIANTS"):
        if os.environ.get(other):
            raise BuildError(f"LLAMACFFI_PREFIX={asked} and {other} are both set: nothing is built with the first")
    if sys.platform == "win32":
        raise BuildError("LLAMACFFI_PREFIX is not known on Windows: set LLAMACFFI_SOURCE_DIR to a source tree instead")
    prefix = Path(asked).expanduser().absolute()
    include = prefix / "include"
    if not (include / "llama.h").is_file():
        raise BuildError(
            f"LLAMACFFI_PREFIX={asked}: there is no {include / 'llama.h'}: install llama.cpp's headers there (Debian: "
            "apt install libllama-dev), or set it to the CMAKE_INSTALL_PREFIX that llama.cpp was installed with"
        )
    library = _library_folder(prefix)
    if not library:
        raise BuildError(
            f"LLAMACFFI_PREFIX={asked}: there is no libllama{_SUFFIX} below {prefix / 'lib'}*: install llama.cpp with "
            "shared libraries (BUILD_SHARED_LIBS=ON)"
        )
    missing = [name for name in _NEEDED if not (library / f"lib{name}{_SUFFIX}").is_file()]
    if missing:
        files = ", ".join(f"lib{name}{_SUFFIX}" for name in missing)
        raise BuildError(
            f"LLAMACFFI_PREFIX={asked}: there is a libllama{_SUFFIX} in {library}, and no {files} beside it"
        )
    core = [library / f"lib{name}{_SUFFIX}" for name in (*_NEEDED, "mtmd")]
    backends = sorted(set(library.glob(f"libggml-*{_SUFFIX}")) - set(core))
    return Installed(include, library, [path for path in core if path.is_file()], backends)


def _library_folder(prefix: Path) -> Optional[Path]:
    """The folder that has libllama: this machine's before any other, and those of no one package last."""
    usual = [Path("lib", _multiarch()), Path("lib64"), Path("lib")]
    folders = [prefix / each for each in usual] + sorted(prefix.glob("lib*/*/"))
    return next((folder for folder in folders if (folder / f"libllama{_SUFFIX}").is_file()), None)


def _multiarch() -> str:
    """Debian's name for this machine's libraries, "" elsewhere."""
    return str(sysconfig.get_config_var("MULTIARCH") or "")
