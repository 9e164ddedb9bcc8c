"""Lends a made-up repository and index to each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_index import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "a folder, größer")
