# SPDX-License-Identifier: BSD-2-Clause
"""Models that Daily's answers are read into, though the models are strict with the user."""

import functools
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

M = TypeVar("M", bound=BaseModel)

# An error that quotes what came in would quote a key or a token in the wrong place.
QUIET = ConfigDict(hide_input_in_errors=True)
OPEN = ConfigDict(extra="allow", hide_input_in_errors=True)


def without_nulls(data: Any) -> Any:
    """Copy an object without its nulls, which are the same as absent; give anything else as it is."""
    if isinstance(data, dict):
        return {key: value for key, value in data.items() if value is not None}
    return data


def read_leniently(model: type[M], data: Any) -> M:
    """Read an answer, perhaps into a subclass of the same name, which keeps values of unknown kinds.

    A ValidationError tells that it is not an object, or that a required field is missing.
    """
    try:
        return model.model_validate(without_nulls(data))
    except ValidationError:
        twin: type[M] = _twin(model)
        return twin.model_validate(data)


class _Twin(BaseModel):
    """A class that pickle cannot find by its name, but by the model that it is a twin of."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self).__mro__[2],), self.__getstate__()


def _again(model: type[BaseModel]) -> BaseModel:
    twin: type[BaseModel] = _twin(model)
    return twin.__new__(twin)


@functools.cache
def _twin(model: type[BaseModel]) -> Any:
    """Make a subclass that takes any value; few answers need it, and it takes long to make."""
    fields: dict[str, Any] = {
        name: (Annotated[field.annotation | Any, Field(union_mode="left_to_right")], field.default)
        for name, field in model.model_fields.items()
    }
    return create_model(
        model.__name__,
        __base__=(_Twin, model),
        __module__=model.__module__,
        __validators__={"_drop_nulls": cast(Any, model_validator(mode="before")(without_nulls))},
        **fields,
    )
