# SPDX-License-Identifier: BSD-2-Clause
"""When a question ended and an answer began, tick by tick, without a clock."""

import numpy as np
import pytest

from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, TICK
from pipecat_daily_rest.local.scripted.ear import QUIET, Ear, Moment, Phrase, Utterance

LOUD = np.full(BLOCK, 9000, np.int16)
SILENT = np.zeros(BLOCK, np.int16)


def said(*levels: float, start: float = 0.0) -> list[Moment]:
    """Give a moment for each level, 0.02 s apart."""
    ear = Ear()
    for number, level in enumerate(levels):
        block = np.full(BLOCK, level * 32767, np.int16)
        ear.hear(start + number * TICK, [block] if level else [])
    return list(ear.moments)


def heard(moments: list[Moment], pause: float = 0.1, phrase: Phrase | None = None) -> Utterance:
    utterance = Utterance(QUIET, pause, phrase)
    for moment in moments:
        utterance.hear(moment)
    return utterance


def test_the_sound_of_a_phrase_is_without_its_silence_and_its_noise() -> None:
    noise = np.random.default_rng(1).integers(-20, 20, BLOCK * 5).astype(np.int16)
    noise[BLOCK + 100 : 2 * BLOCK + 7] = 9000
    phrase = Phrase.of(noise, 10 * BLOCK)
    assert phrase is not None
    assert (phrase.first, phrase.last) == (11 * BLOCK + 100, 12 * BLOCK + 6)
    for number, now in ((10, 1.0), (11, 1.02), (12, 1.04), (13, 1.06)):
        phrase.said(number, now)
    assert phrase.began == pytest.approx(1.02 + 100 / SAMPLE_RATE)
    assert phrase.ended == pytest.approx(1.04 + 6 / SAMPLE_RATE)
    assert Phrase.of(SILENT, 0) is None
    assert Phrase.of(SILENT[:0], 0) is None


def test_an_answer_begins_with_its_first_sample_and_ends_after_a_pause() -> None:
    late = SILENT.copy()
    late[480:] = 9000
    ear = Ear()
    blocks = [SILENT, late, LOUD, None, LOUD, None, None, None, None, None, LOUD]
    for number, block in enumerate(blocks):
        ear.hear(number * TICK, [] if block is None else [block])
    answer = heard(list(ear.moments))
    assert answer.over
    assert answer.began == pytest.approx(TICK + 0.01)
    assert answer.ended == pytest.approx(5 * TICK, abs=0.001)
    assert len(answer.audio) == 4 * BLOCK  # the hole in it, but not the silence after it
    assert answer.audio[480] == 9000


def test_what_a_bot_said_before_the_question_ended_is_no_answer() -> None:
    phrase = Phrase(0, 0, began=0.0, ended=0.5)
    early = said(0, 0.3, 0.3, *[0] * 12)  # and silent again, when the question ends
    answer = said(*[0] * 10, *[0.3] * 5, *[0] * 6, start=0.5)
    found = heard(early + answer, phrase=phrase)
    assert found.began == pytest.approx(0.7)
    # One that talks on over the end of the question has begun too early.
    over = heard(said(*[0.3] * 40, *[0] * 6), phrase=phrase)
    assert over.began == 0
    assert over.over


def test_nothing_is_an_answer_while_the_question_goes_on() -> None:
    phrase = Phrase(0, 0, began=0.0)
    utterance = heard(said(*[0.3] * 10, *[0] * 100), phrase=phrase)
    assert not utterance.counts
    assert not utterance.over


def test_two_voices_of_a_bot_are_one() -> None:
    ear = Ear()
    ear.hear(0.0, [LOUD, -LOUD])
    ear.hear(TICK, [np.full(BLOCK, 30000, np.int16)] * 2)
    assert ear.moments[0].loudness == 0
    assert ear.moments[1].loudness == pytest.approx(1.0, rel=0.001)


@pytest.mark.parametrize("music", [0.01, 0.05])
def test_music_that_a_bot_plays_itself_is_not_its_answer(music: float) -> None:
    ear = Ear()
    dice = np.random.default_rng(2)
    for number in range(260):
        level = music * dice.uniform(0.5, 1.5)
        ear.hear(number * TICK, [np.full(BLOCK, level * 32767, np.int16)])
    threshold = ear.threshold()
    assert 1.5 * music < threshold < 4 * music
    assert ear.quiet_for(threshold) >= 260
    ear.hear(5.0, [LOUD])
    assert ear.quiet_for(threshold) == 0


def test_a_bot_that_is_ever_silent_plays_no_music() -> None:
    ear = Ear()
    for number in range(260):
        ear.hear(number * TICK, [LOUD] if number % 130 > 9 else [])
    assert ear.threshold() == QUIET
