# SPDX-License-Identifier: BSD-2-Clause
"""configure(): Pipecat's function of that name, for programs that move over by an import."""

import time
from typing import TYPE_CHECKING, TypeVar

import aiohttp
from loguru import logger
from pydantic import BaseModel, ValidationError

from pipecat_daily_rest._core import arguments, settings
from pipecat_daily_rest._core.pipecat_version import runner_arguments
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.provision import make_room, use_room
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.models import (
    DailyMeetingTokenProperties,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
)

if TYPE_CHECKING:
    from pipecat.runner.daily import DailyRoomConfig

_Model = TypeVar("_Model", bound=BaseModel)


async def configure(
    aiohttp_session: aiohttp.ClientSession,
    *,
    api_key: str | None = None,
    room_exp_duration: float = 2.0,
    token_exp_duration: float = 2.0,
    sip_caller_phone: str | None = None,
    sip_enable_video: bool = False,
    sip_num_endpoints: int = 1,
    enable_dialout: bool = False,
    sip_codecs: dict[str, list[str]] | None = None,
    sip_provider: str | None = None,
    room_geo: str | None = None,
    room_properties: BaseModel | None = None,
    token_properties: BaseModel | None = None,
) -> "DailyRoomConfig":
    """Make a room and the bot's token, as ``pipecat.runner.daily.configure`` does.

    Unlike Pipecat's, the room is private and always has an expiry, at which Daily ejects everyone.
    The arguments are not changed, no room is left behind when something fails, and `drain_on_exit`
    deletes the room. Until then it outlives the bot: `provisioned_room` deletes it when the bot
    ends, and has a token for the user, who needs one for a private room.

    A room in ``DAILY_ROOM_URL`` is used instead, unless SIP is wanted, and never deleted.

    Args:
        aiohttp_session: The aiohttp session that sends the requests; it stays open.
        api_key: The API key; ``DAILY_API_KEY`` when None.
        room_exp_duration: Hours until the room ends.
        token_exp_duration: Hours until the token expires; not later than the room.
        sip_caller_phone: The name to show for a caller; makes a room that can be called by SIP.
        sip_enable_video: Whether video is enabled for SIP.
        sip_num_endpoints: How many SIP endpoints the room has.
        enable_dialout: Whether dial-out is enabled (paid plans).
        sip_codecs: Codecs by kind, as ``{"audio": ["OPUS"]}``; Daily's when None.
        sip_provider: The SIP provider, as ``daily``.
        room_geo: Region of the room's media server, as ``us-east-1``.
        room_properties: The room's properties, this package's model or Pipecat's, instead of all
            of the above; without an ``exp`` the room ends after 1 hour.
        token_properties: The bot's token's properties, this package's model or Pipecat's. Its
            room, its expiry and its ownership are set here.

    Returns:
        Pipecat's ``DailyRoomConfig``: ``room_url``, ``token``, and ``sip_endpoint`` for SIP;
        iterating yields the first two.

    Raises:
        DailyConfigError: There is no key, the arguments do not fit, or Pipecat is too old.
        DailyNotFoundError: The room in ``DAILY_ROOM_URL`` does not exist.
        DailyError: The room or the token could not be made; no room is left behind.
    """
    runner_arguments()
    from pipecat.runner.daily import DailyRoomConfig

    api_key = secret(api_key)
    arguments.text("sip_caller_phone", sip_caller_phone)
    arguments.text("sip_provider", sip_provider)
    arguments.text("room_geo", room_geo)
    arguments.flag("sip_enable_video", sip_enable_video)
    arguments.flag("enable_dialout", enable_dialout)
    arguments.at_least("sip_num_endpoints", sip_num_endpoints, 1)
    properties = _ours(DailyRoomProperties, "room_properties", room_properties)
    token = _ours(DailyMeetingTokenProperties, "token_properties", token_properties)
    token_seconds = _seconds("token_exp_duration", token_exp_duration)
    token.room_name, token.is_owner = None, True
    token.exp = int(time.time() + token_seconds)
    sip = sip_caller_phone is not None
    if room_properties is not None:
        sip = sip or properties.sip is not None
        if (room_exp_duration, token_exp_duration, sip_num_endpoints) != (2.0, 2.0, 1) or any(
            (sip_caller_phone, sip_enable_video, enable_dialout, sip_codecs, sip_provider, room_geo)
        ):
            logger.warning(
                "configure(): room_properties were given: the other arguments for the room are ignored"
            )
    else:
        properties.exp = time.time() + _seconds("room_exp_duration", room_exp_duration)
        properties.geo = room_geo or None
        properties.enable_dialout = enable_dialout or None
        if sip_caller_phone:
            properties.start_video_off = not sip_enable_video
            try:
                properties.sip = DailyRoomSipParams(
                    display_name=sip_caller_phone,
                    video=sip_enable_video,
                    num_endpoints=sip_num_endpoints,
                    codecs=sip_codecs,
                    provider=sip_provider,
                )
            except ValidationError as exc:
                msg = 'sip_codecs must be lists of codecs by kind, as {"audio": ["OPUS"]}.'
                raise DailyConfigError(msg) from exc
    existing = None if sip else settings.room_url()
    spec = RoomSpec(
        params=DailyRoomParams(properties=properties) if existing is None else None,
        bot=token,
        api_key=api_key or None,
        aiohttp_session=aiohttp_session,
    )
    async with spec.helper() as helper:
        if existing is not None:
            room = await use_room(helper.api, existing, spec, token_seconds)
        else:
            room = await make_room(helper.api, spec, Bounds())
            room.detach()
    # Without validation, which would make a plain string of the token, that a repr shows.
    return DailyRoomConfig.model_construct(
        room_url=existing or room.url,
        token=room.bot_token,
        sip_endpoint=room.sip_endpoint if sip else None,
    )


def _ours(model: type[_Model], name: str, given: BaseModel | None) -> _Model:
    """A copy as this package's model, of what the caller set only."""
    try:
        return model.model_validate(given.model_dump(exclude_unset=True) if given else {})
    except (ValidationError, AttributeError) as exc:
        msg = f"{name} cannot be read: pass {model.__name__}, with the fields that it documents."
        raise DailyConfigError(msg) from exc


def _seconds(name: str, hours: float) -> float:
    if not arguments.is_number(hours) or not 0 < hours < 1e5:
        msg = f"{name} must be a positive number of hours, not {hours!r}."
        raise DailyConfigError(msg)
    return hours * 3600
