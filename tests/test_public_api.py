# SPDX-License-Identifier: BSD-2-Clause
import inspect
import subprocess
import sys

import pytest

import pipecat_daily_rest
from pipecat_daily_rest import errors

HEAVY = ("pipecat", "aiortc", "typer", "jwt", "redis", "numpy", "rich")


def test_all_is_sorted_and_complete():
    names = pipecat_daily_rest.__all__
    assert names == sorted(names)
    public = {
        name
        for name in dir(pipecat_daily_rest)
        if not name.startswith("_") and not inspect.ismodule(getattr(pipecat_daily_rest, name))
    }
    assert public == set(names)
    with pytest.raises(AttributeError, match="no attribute 'provisoned_room'"):
        pipecat_daily_rest.provisoned_room  # noqa: B018


def test_names_are_imported_when_they_are_used():
    code = (
        "import sys, pipecat_daily_rest\n"
        "later = {'_rest', '_rooms', 'models', 'runner', 'local'}\n"
        "loaded = lambda: {name for name in later if f'pipecat_daily_rest.{name}' in sys.modules}\n"
        "assert not loaded(), loaded()\n"
        "from pipecat_daily_rest import *\n"
        "assert RoomPool and sweep_rooms and configure and deletes_room\n"
        "assert loaded() == {'_rest', '_rooms', 'models'}, loaded()\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_a_local_dailys_process_loads_no_client():
    code = (
        "import sys\n"
        "from pipecat_daily_rest.local import *\n"
        "assert LocalDaily and Choices and Limits and JoinRefused\n"
        "client = {'pydantic', 'pipecat_daily_rest._rest.helper', 'pipecat_daily_rest.models'}\n"
        "assert not client & sys.modules.keys(), client & sys.modules.keys()\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_every_error_is_exported_and_every_one_is_a_daily_error():
    found = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }
    assert found <= set(pipecat_daily_rest.__all__)
    for name in found:
        assert issubclass(getattr(errors, name), errors.DailyError)
    assert issubclass(errors.DailyConfigError, ValueError)
    assert issubclass(errors.DailyTimeoutError, TimeoutError)


def test_import_is_light():
    code = (
        f"import sys, pipecat_daily_rest;print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stdout + answer.stderr


def test_the_command_is_a_typer_app_for_pipecats_own_cli():
    import typer

    from pipecat_daily_rest.cli import app

    assert isinstance(app, typer.Typer)
