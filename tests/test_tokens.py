# SPDX-License-Identifier: BSD-2-Clause
import jwt
import pytest

from pipecat_daily_rest import DailyMeetingTokenProperties as Properties
from pipecat_daily_rest import tokens

# Daily's published claims, written down here once more: a slip in tokens.py turns this red.
# https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens
PUBLISHED = {
    "room_name": ("r", "a"),
    "nbf": ("nbf", 1),
    "exp": ("exp", 2),
    "is_owner": ("o", True),
    "user_name": ("u", "Ana"),
    "user_id": ("ud", "7"),
    "eject_at_token_exp": ("ejt", True),
    "eject_after_elapsed": ("eje", 9),
    "enable_screenshare": ("ss", False),
    "start_video_off": ("vo", True),
    "start_audio_off": ("ao", True),
    "enable_recording": ("er", "cloud"),
    "enable_recording_ui": ("erui", True),
    "start_cloud_recording": ("sr", True),
    "start_cloud_recording_opts": ("sro", {"width": 1}),
    "auto_start_transcription": ("ast", True),
    "knocking": ("k", True),
    "close_tab_on_exit": ("ctoe", True),
    "redirect_on_meeting_exit": ("rome", "https://x"),
    "lang": ("uil", "de"),
}
UNPUBLISHED = ["enable_prejoin_ui", "enable_live_captions_ui", "enable_terse_logging"]


@pytest.mark.parametrize("name", [*Properties.model_fields])
def test_every_property_has_its_published_claim_or_none(name):
    if name == "permissions":
        return
    if name in UNPUBLISHED:
        assert tokens.claims(Properties(**{name: True})) is None
    else:
        claim, value = PUBLISHED[name]
        assert tokens.claims(Properties(**{name: value})) == {claim: value}


def test_a_property_that_is_new_is_left_to_daily():
    assert tokens.claims(Properties(brand_new=1)) is None


@pytest.mark.parametrize(
    ("permissions", "short"),
    [
        ({"hasPresence": False}, {"hp": False}),
        ({"canSend": True}, {"cs": True}),
        ({"canSend": ["audio", "screenVideo"]}, {"cs": "a,sv"}),
        ({"canReceive": {"base": False}}, {"cr": {"b": False}}),
        ({"canReceive": {"byUserId": {}}}, None),
        ({"canAdmin": True}, None),
        ({"canSend": ["customAudio"]}, None),
        ({"canSend": []}, None),
    ],
)
def test_permissions(permissions, short):
    claims = tokens.claims(Properties(permissions=permissions))
    assert claims == (None if short is None else {"p": short})


def test_signed_with_the_key_itself():
    token = tokens.sign({"r": "a"}, api_key="k" * 40, domain_id="dom", now=12.7)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    assert jwt.decode(token, "k" * 40, algorithms=["HS256"]) == {"r": "a", "d": "dom", "iat": 12}
    assert repr(token) == "'***'"
