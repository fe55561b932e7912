# SPDX-License-Identifier: BSD-2-Clause
"""A bot's own logging goes on under the runner and the commands."""

import sys
from pathlib import Path

import pytest

HOWS = pytest.mark.parametrize("how", [("-m", "pipecat_daily_rest", "run", "bot.py"), ("bot.py",)])
BOT = """
import sys
from loguru import logger
{top}

async def bot(runner_args):
    {inside}
    logger.debug("at debug")
    logger.info("at info")

if __name__ == "__main__":
    from pipecat_daily_rest.runner import main
    main()
"""


@pytest.fixture
def bot(start, local_daily, tmp_path):
    async def bot(how, *options, top="", inside="pass", env=None):
        (tmp_path / "bot.py").write_text(BOT.format(top=top, inside=inside))
        env = {**local_daily.env(), **(env or {})}
        program = await start(sys.executable, *how, *options, env=env)
        assert await program.ended() == 0, program.err
        assert local_daily.rooms == {}
        return program

    return bot


@HOWS
async def test_a_programs_own_sink_gets_all_and_stderr_is_ours(bot, how, tmp_path):
    program = await bot(how, "--log-level", "INFO", top="logger.add('own.log', level='DEBUG')")
    own = Path(tmp_path / "own.log").read_text()
    assert own.count("at debug") == own.count("at info") == 1
    assert program.err.count("at info") == 1
    assert "at debug" not in program.err


@HOWS
@pytest.mark.parametrize("where", ["top", "inside"])
async def test_a_bot_may_remove_the_default_handler(bot, how, where):
    own = "logger.remove(0); logger.add(sys.stderr, level='DEBUG', format='own {message}')"
    program = await bot(how, **{where: own})
    said = [line for line in program.err.splitlines() if "at debug" in line or "at info" in line]
    assert said == ["own at debug", "own at info"]


@HOWS
async def test_without_a_default_handler_the_programs_first_one_stays(bot, how):
    own = "logger.add(sys.stderr, level='DEBUG', format='own {message}')"
    program = await bot(how, top=own, env={"LOGURU_AUTOINIT": "False"})
    said = [line for line in program.err.splitlines() if "at debug" in line or "at info" in line]
    assert said == ["own at debug", "own at info"]


@pytest.mark.parametrize("command", [["sweep", "--dry-run"], ["local", "--", "true"]])
async def test_the_other_commands_leave_other_sinks_alone(start, local_daily, tmp_path, command):
    code = (
        "import sys\n"
        "from loguru import logger\n"
        "logger.add('own.log')\n"
        "from pipecat_daily_rest.cli import app\n"
        f"app({command!r}, standalone_mode=False)\n"
        "logger.warning('after')\n"
        "logger.remove(0)\n"
        "logger.warning('at last')\n"
    )
    program = await start(sys.executable, "-c", code, env=local_daily.env())
    assert await program.ended() == 0, program.err
    assert program.err.count("after") == 1
    assert "at last" not in program.err
    own = (tmp_path / "own.log").read_text()
    assert "after" in own
    assert "at last" in own
