# SPDX-License-Identifier: BSD-2-Clause
"""What Daily answers, read leniently."""

from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from pipecat_daily_rest.errors import DailyResponseError


class Answer(BaseModel):
    """Something that Daily answered.

    Null is the same as absent. A value of a kind that is new to this version is kept as it came,
    and so are fields that are new: neither ever costs an answer. Only what a program cannot do
    without is required.
    """

    # An error that quotes what came in would quote a secret.
    # And few programs read all kinds: each is built at its first use.
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if value is not None}
        return data

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
        try:
            return cls.model_validate(data)
        except ValidationError as exc:
            fields = ", ".join(str(error["loc"][0]) for error in exc.errors() if error["loc"])
            msg = f"{what}: Invalid response: {fields or 'an object'} is missing or wrong."
        raise DailyResponseError(msg)
