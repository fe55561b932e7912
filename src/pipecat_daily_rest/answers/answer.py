# SPDX-License-Identifier: BSD-2-Clause
"""How every answer of Daily's is read: leniently, and with one error when it cannot be used."""

from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from pipecat_daily_rest.errors import DailyResponseError
from pipecat_daily_rest.models.lenient import without_nulls

M = TypeVar("M", bound=BaseModel)
V = TypeVar("V")

Id = Annotated[str, Field(min_length=1)]  # what an answer cannot do without


class Answer(BaseModel):
    """Something that Daily answered.

    Null is the same as absent. A value of an unknown kind is kept as it came, and so are unknown
    fields: neither makes an answer unusable. Only what a program cannot do without is required.
    """

    # An error that quotes what came in would quote a secret.
    # And few programs read all kinds: each is built at its first use.
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        return without_nulls(data)

    @field_validator("*", mode="wrap")
    @classmethod
    def _keep(cls, value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return read(value)
        except ValidationError:
            if info.field_name is None or cls.model_fields[info.field_name].is_required():
                raise
            return value

    @classmethod
    def read(cls, data: Any, *, what: str) -> Self:
        """Read an answer.

        Args:
            data: Its JSON.
            what: What failed, as an error's message begins.

        Returns:
            The object.

        Raises:
            DailyResponseError: It is something else.
        """
        return read_model(cls, data, what=what)


def read_model(model: type[M], data: Any, *, what: str) -> M:
    """Read an object; ``what`` failed when it lacks what the model requires."""
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        fields = ", ".join(str(error["loc"][0]) for error in exc.errors() if error["loc"])
    raise _unusable(what, f"{fields or 'an object'} is missing or wrong")


def read_object(data: Any, *, what: str) -> dict[str, Any]:
    """Read an object of any members."""
    if not isinstance(data, dict):
        raise _unusable(what, "no object")
    return data


def read_member(data: Any, name: str, kind: type[V], *, what: str) -> V:
    """Read a member of an object; an empty text counts as missing."""
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, kind) or value == "":
        raise _unusable(what, f"no {name} in it")
    return value


def read_list(data: Any, inside: str | None = "data", *, what: str) -> list[Any]:
    """Read a list, which Daily puts inside a member of an object; None when it is not wrapped."""
    if inside is not None:
        data = data.get(inside) if isinstance(data, dict) else None
    if not isinstance(data, list):
        raise _unusable(what, "no list")
    return data


def _unusable(what: str, why: str) -> DailyResponseError:
    return DailyResponseError(f"{what}: Invalid response: {why}.")
