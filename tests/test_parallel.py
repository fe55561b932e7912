# SPDX-License-Identifier: BSD-2-Clause
"""The order of the tests, and which of them one process runs; see `parallel`."""

from pathlib import Path

import pytest

import parallel


@pytest.fixture(scope="module")
def costly():
    return 1


def groups(request):
    return [mark.args for mark in request.node.iter_markers("xdist_group")]


def test_tests_that_share_a_fixture_are_a_group(costly, request):
    assert groups(request) == [("tests/test_parallel.py",)]


def test_others_are_not(tmp_path, request):
    assert groups(request) == []


def test_quick_tests_come_last(request):
    order = [parallel.is_quick(item) for item in request.session.items]
    assert order == sorted(order)
    assert not parallel.is_quick(request.node)
    folders = {Path(__file__).with_name(folder) for folder in parallel.QUICK}
    assert {folder for folder in folders if not folder.is_dir()} == set()
