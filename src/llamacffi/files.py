"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Union


@contextmanager
def replacing(path: Union[str, bytes, os.PathLike[str]]) -> Iterator[str]:
    """A file to write in the place of another: `with replacing(path) as fresh: ...`.

    `fresh` is an empty file beside `path`. When the block ends it gets that name and the permissions of what was there
    before, which is gone. If the block raises, it is removed, and what was there before is untouched.

    Raises:
        OSError: it can't be written there, or `path` is something else than a file.
    """
    target = os.path.realpath(os.fsdecode(path))
    mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
    if mode is not None and not os.path.isfile(target):
        raise OSError(f"{target} is not a file")
    fresh = f"{target}.{os.getpid()}.part"
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield fresh
        if mode is not None:
            os.chmod(fresh, mode)
        os.replace(fresh, target)
    finally:
        if os.path.exists(fresh):
            os.unlink(fresh)
