# SPDX-License-Identifier: BSD-2-Clause
"""A model as Daily answers it."""

from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, Field, create_model, model_validator

M = TypeVar("M", bound=BaseModel)


def without_nulls(data: Any) -> Any:
    """Take the nulls out of an object: they are the same as absent.

    Args:
        data: An object, or something else, which stays as it is.

    Returns:
        A copy without them.
    """
    if isinstance(data, dict):
        return {key: value for key, value in data.items() if value is not None}
    return data


def answered(model: type[M]) -> type[M]:
    """Make the twin of a model that reads what Daily answers.

    It has the same fields, but a value of a kind that is new to this version is kept as it came
    instead of refused.

    Args:
        model: The model; a field that is required stays so.

    Returns:
        A subclass of the same name.
    """
    fields: dict[str, Any] = {
        name: (Annotated[field.annotation | Any, Field(union_mode="left_to_right")], field.default)
        for name, field in model.model_fields.items()
    }
    return create_model(
        model.__name__,
        __base__=model,
        __module__=model.__module__,
        __validators__={"_drop_nulls": cast(Any, model_validator(mode="before")(without_nulls))},
        **fields,
    )
