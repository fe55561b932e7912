# SPDX-License-Identifier: BSD-2-Clause
"""How long waits may take, from pytest's ini file."""

import math

import pytest

from pipecat_daily_rest.local.call.budget import BUDGET, DEFAULT

_TIMEOUT, _FACTOR = "local_daily_timeout", "local_daily_factor"


def add_budgets(parser: pytest.Parser) -> None:
    """Add the options."""
    text = "seconds that a wait of the local Daily's people and rooms takes when it is given none"
    parser.addini(_TIMEOUT, text, default=str(DEFAULT))
    text = "by how much all such waits and budgets are longer, on a slow machine"
    parser.addini(_FACTOR, text, default="1")


def set_budgets(config: pytest.Config) -> None:
    """Take the budgets from the ini file."""
    BUDGET.default, BUDGET.factor = _number(config, _TIMEOUT), _number(config, _FACTOR)


def reset_budgets() -> None:
    """Put the budgets back."""
    BUDGET.default, BUDGET.factor = DEFAULT, 1.0


def _number(config: pytest.Config, name: str) -> float:
    text = config.getini(name)
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        msg = f"{name} in pytest's ini file must be a number above 0, not {text!r}"
        raise pytest.UsageError(msg)
    return number
