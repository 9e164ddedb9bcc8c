"""Small Debian systems in folders, made with debootstrap: other Pythons and other C libraries than this machine's.

They lie in build/trees and are made once. Needs root, and Debian's debootstrap; the mirror is the one that apt uses.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from pinned import ROOT, VendorError, workspace

__all__ = ["OLDEST", "PACKAGES", "VendorError", "obtain", "run"]

# What wheels are built against, and so the oldest system that they run on: glibc 2.31 and Python 3.9. Of the releases
# that are still served it is the oldest.
OLDEST = "bullseye"

# Beside Python: what a compiler needs to build against a release's libraries. No compiler is among it.
PACKAGES = {OLDEST: ("python3-venv", "libstdc++-10-dev"), "trixie": ("python3-venv",)}


def obtain(release: str) -> Path:
    """Return the folder with that Debian release; make it first if it is not there, which takes a minute or two.

    Raises:
        VendorError: this machine can't make one, or debootstrap failed.
    """
    tree = ROOT / "build" / "trees" / release
    if tree.exists():
        return tree
    reason = _obstacle()
    if reason:
        raise VendorError(f"no tree of Debian {release} can be made here: {reason}")
    with workspace(tree) as work:
        if not tree.exists():  # another process may have been at it while we waited
            packages = ",".join(PACKAGES[release])
            command = ["debootstrap", "--variant=minbase", f"--include={packages}", release, str(work / release)]
            print(f"making a tree of Debian {release} with debootstrap", flush=True)
            done = subprocess.run([*command, _mirror()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                last = "\n".join(done.stdout.splitlines()[-5:])
                raise VendorError(f"debootstrap failed with status {done.returncode}:\n{last}")
            _make_links_relative(work / release / "usr")
            os.replace(work / release, tree)
    return tree


def _obstacle() -> str:
    if not shutil.which("debootstrap") or not shutil.which("apt-get"):
        return "debootstrap is not installed (Debian: apt install debootstrap)"
    return "" if os.geteuid() == 0 else "debootstrap needs root"


def _mirror() -> str:
    """The mirror that apt takes this machine's own release from; it has the other releases, too."""
    system = Path("/etc/os-release").read_text("utf-8")
    release = "".join(re.findall(r"^VERSION_CODENAME=(\w+)$", system, re.MULTILINE))
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    for line in subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines():
        name, _, mirror = line.partition(" ")
        if name == release:
            return mirror
    raise VendorError(f"apt names no mirror for {release}, where debootstrap could find other releases")


def _make_links_relative(folder: Path) -> None:
    """Links to /lib/… mean this machine's libraries to whoever reads them from outside."""
    for path in folder.rglob("*.so*"):
        if path.is_symlink() and os.readlink(path).startswith("/"):
            inside = f"{folder.parent}{os.readlink(path)}"
            path.unlink()
            path.symlink_to(os.path.relpath(inside, path.parent))


def run(tree: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the tree, with nothing of this process's environment."""
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    return subprocess.run(
        ["chroot", str(tree), *command],
        env={"PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
