# SPDX-License-Identifier: BSD-2-Clause
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_daily_rest._core import room_names
from pipecat_daily_rest.errors import DailyConfigError

VALID = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=128)


@given(VALID)
def test_a_name_survives_a_url(name):
    for url in (
        f"https://x.daily.co/{name}",
        f"https://x.daily.co/{name}/",
        f"https://x.daily.co/{name}?t=abc",
        f"http://localhost:7880/{name}#top",
    ):
        assert room_names.from_url(url) == name


@pytest.mark.parametrize(
    "url",
    [
        "room",
        "",
        "https://x.daily.co",
        "https://x.daily.co/",
        "https://x.daily.co//room",
        "https://x.daily.co/a/room",
        "https://x.daily.co/a/../room",
        "https://x.daily.co/..",
        "https://x.daily.co/ro%6Fm",
        "https://x.daily.co/room//",
        "https://x.daily.co/räum",
        "https://x.daily.co/room\n",
        "ftp://x.daily.co/room",
        "https:///room",
        "https://[/room",
        "https://x.daily.co/" + "a" * 129,
        None,
        3,
    ],
)
def test_what_is_not_a_rooms_url_is_refused(url):
    with pytest.raises(DailyConfigError, match=r"is not a room's URL|must look like"):
        room_names.from_url(url)


@pytest.mark.parametrize(
    "url", ["https://x.daily.co/a/b?t=SECRET", b"https://x.daily.co/a?t=SECRET"]
)
def test_a_refused_url_does_not_show_its_token(url):
    with pytest.raises(DailyConfigError) as caught:
        room_names.from_url(url)
    assert "SECRET" not in str(caught.value)


@given(st.text())
def test_from_url_never_gives_a_name_that_daily_refuses(url):
    try:
        name = room_names.from_url(url)
    except DailyConfigError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", name)


def test_names_are_unique_and_unlike_pipecats():
    made = {room_names.make_name("pipecat") for _ in range(1000)}
    assert len(made) == 1000
    for name in made:
        assert re.fullmatch(r"pipecat-r[a-z0-9]{20}", name)
        assert not re.fullmatch(r"pipecat-[0-9a-f]{8}", name)


@pytest.mark.parametrize("prefix", ["", "a b", "a/b", "ä", "x" * 120])
def test_a_prefix_that_gives_no_valid_name_is_refused(prefix):
    with pytest.raises(DailyConfigError, match="name_prefix"):
        room_names.make_name(prefix)


@given(
    st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=106), st.booleans()
)
def test_is_ours_checks_the_whole_shape(prefix, pool):
    name = room_names.make_name(prefix, pool=pool)
    assert room_names.is_ours(name, prefix)
    assert room_names.is_pool(name, prefix) is pool
    assert not room_names.is_ours(name, prefix + "x")
    assert not room_names.is_ours(name[1:], prefix)
    assert not room_names.is_ours(name + "a", prefix)
    assert not room_names.is_ours(name[:-1], prefix)
    assert not room_names.is_ours(f"{prefix}-0123abcd", prefix)  # Pipecat's own shape
