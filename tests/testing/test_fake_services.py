# SPDX-License-Identifier: BSD-2-Clause
"""`llm`, `stt` and `tts`, asked by OpenAI's own client and by Pipecat's services."""

import asyncio
import io
import warnings
import wave
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import openai
import pytest
from openai import AsyncOpenAI

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.testing import FakeLLM, FakeSTT, FakeTTS
from suites import CONFTEST, LEFT_OPEN, Run

HELLO = [{"role": "user", "content": "Hello there."}]


@pytest.fixture
async def client(openai_server: Any) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's own client, which finds the server by the environment."""
    async with AsyncOpenAI() as client:
        yield client


async def ask(client: AsyncOpenAI, text: str = "Hello there.", **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return await client.chat.completions.create(model="m", messages=messages, **more)


async def say(client: AsyncOpenAI, text: str, kind: Any = "pcm") -> bytes:
    speech = client.audio.speech
    return (await speech.create(model="t", voice="alloy", input=text, response_format=kind)).content


def tone_of(pcm: bytes) -> int:
    """The loudest frequency of sound at 24 kHz."""
    samples = np.frombuffer(pcm, "<i2")
    return round(int(np.abs(np.fft.rfft(samples)).argmax()) * 24_000 / len(samples))


async def test_the_model_answers_in_order_and_the_last_one_stays(
    llm: FakeLLM,
    client: AsyncOpenAI,
) -> None:
    llm.answers("One.")
    llm.answers("Two.")
    said = [(await ask(client)).choices[0].message.content for _ in range(3)]
    assert said == ["One.", "Two.", "Two."]
    llm.answers("Three.")
    assert (await ask(client)).choices[0].message.content == "Three."
    assert len(llm.requests) == 4
    assert llm.messages == HELLO


async def test_a_stream_comes_word_by_word_after_the_delay(
    llm: FakeLLM,
    client: AsyncOpenAI,
) -> None:
    llm.answers("It is  noon.", after=0.2)
    began = monotonic()
    chunks = [
        chunk
        async for chunk in await ask(client, stream=True, stream_options={"include_usage": True})
    ]
    assert monotonic() - began >= 0.2
    *spoken, last, usage = chunks
    assert [chunk.choices[0].delta.content for chunk in spoken] == ["", "It", " is", "  noon."]
    assert last.choices[0].finish_reason == "stop"
    assert usage.usage.completion_tokens == 3


async def test_what_is_told_for_a_text_answers_that_text_alone(
    llm: FakeLLM,
    client: AsyncOpenAI,
) -> None:
    llm.answers("What?")
    llm.answers("It is noon.", to="time")
    llm.answers(lambda messages: f"{len(messages)} message", to="how many")
    asked = ("What time is it?", "Well?", "And the time now?", "how many")
    said = [(await ask(client, text)).choices[0].message.content for text in asked]
    assert said == ["It is noon.", "What?", "It is noon.", "1 message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_is_called_and_its_result_answered(
    llm: FakeLLM,
    client: AsyncOpenAI,
    stream: bool,
) -> None:
    llm.calls("get_weather", {"city": "Oslo"})
    llm.answers("It snows.")
    answer = await ask(client, stream=stream)
    if stream:
        choices = [chunk.choices[0] async for chunk in answer]
        calls = [call for choice in choices for call in choice.delta.tool_calls or []]
        name, reason = calls[0].function.name, choices[-1].finish_reason
        arguments = "".join(call.function.arguments for call in calls)
    else:
        (call,) = answer.choices[0].message.tool_calls
        name, arguments = call.function.name, call.function.arguments
        reason = answer.choices[0].finish_reason
    assert (name, arguments, reason) == ("get_weather", '{"city": "Oslo"}', "tool_calls")
    assert (await ask(client)).choices[0].message.content == "It snows."


async def test_a_failure_is_repeated_by_the_client_until_something_else_is_told(
    llm: FakeLLM,
    client: AsyncOpenAI,
) -> None:
    assert not llm.told_to_fail
    llm.fails(429, retry_after=0.01)
    with pytest.raises(openai.RateLimitError, match="the test told the service to fail"):
        await ask(client)
    assert len(llm.requests) == 3  # OpenAI's client tries three times
    llm.answers("Here I am.")
    assert (await ask(client)).choices[0].message.content == "Here I am."
    llm.fails(503, retry_after=0.01)
    llm.answers("Again.")
    assert (await ask(client)).choices[0].message.content == "Again."
    assert llm.told_to_fail


async def test_a_stream_that_stops(llm: FakeLLM, client: AsyncOpenAI) -> None:
    llm.stops("It is")
    stream = aiter(await ask(client, stream=True))
    heard = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
    assert heard == ["", "It", " is"]
    with pytest.raises(openai.APIConnectionError):
        await anext(stream)


async def test_a_stream_that_hangs(llm: FakeLLM, client: AsyncOpenAI) -> None:
    llm.stops("It is", hangs=True)
    stream = aiter(await ask(client, stream=True))
    heard = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
    assert heard == ["", "It", " is"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.3)
    # and the server still ends with the test


async def test_speech_is_the_tone_that_was_told(tts: FakeTTS, client: AsyncOpenAI) -> None:
    assert tone_of(await say(client, "anything")) == 440
    tts.answers(tone=880, seconds=0.5)
    tts.answers(tone=1200, to="noon")
    noon, other = await say(client, "It is noon."), await say(client, "Well.")
    assert (tone_of(noon), tone_of(other)) == (1200, 880)
    assert (len(noon), len(other)) == (48_000, 24_000)
    assert tts.spoken == ["anything", "It is noon.", "Well."]
    with wave.open(io.BytesIO(await say(client, "Well.", "wav"))) as file:
        assert (file.getframerate(), file.getnframes()) == (24_000, 12_000)
    with pytest.raises(openai.BadRequestError, match="The fake says pcm or wav"):
        await say(client, "Well.", "mp3")


async def test_speech_from_a_file(tts: FakeTTS, client: AsyncOpenAI, tmp_path: Path) -> None:
    samples = np.sin(2 * np.pi * 600 * np.arange(16_000) / 16_000) * 9000
    with wave.open(str(tmp_path / "hello.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.astype("<i2").tobytes())
    tts.answers(sound=tmp_path / "hello.wav")
    pcm = await say(client, "Hello.")
    assert (tone_of(pcm), len(pcm)) == (600, 48_000)


async def test_speech_that_stops(tts: FakeTTS, client: AsyncOpenAI) -> None:
    tts.stops(0.5)
    heard = b""

    async def listen() -> None:
        nonlocal heard
        async with client.audio.speech.with_streaming_response.create(
            model="t", voice="alloy", input="Hi.", response_format="pcm"
        ) as response:
            async for part in response.iter_bytes(4800):
                heard += part

    with pytest.raises(Exception, match="peer closed connection"):
        await listen()
    assert len(heard) == 24_000


@pytest.mark.parametrize("kind", ["json", "verbose_json", "text"])
async def test_speech_is_understood_as_the_test_says(
    stt: FakeSTT,
    client: AsyncOpenAI,
    kind: Any,
) -> None:
    stt.answers("What time is it?")
    sound = ("audio.wav", b"RIFF", "audio/wav")
    understood = await client.audio.transcriptions.create(
        file=sound, model="w", response_format=kind
    )
    text = understood if isinstance(understood, str) else understood.text
    assert text.strip() == "What time is it?"
    assert stt.requests[0]["file"] == b"RIFF"


async def test_what_nobody_told_is_an_error_that_says_so(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"told llm no answer: llm\.answers"):
        await ask(client)
    with pytest.raises(openai.NotFoundError, match="The fake has no POST /v1/responses"):
        await client.responses.create(model="m", input="Hi.")


async def test_a_functions_exception_is_told(llm: FakeLLM, client: AsyncOpenAI) -> None:
    llm.answers(lambda messages: str(messages[7]))
    with pytest.raises(openai.BadRequestError, match=r"llm\.answers\(\) raised IndexError"):
        await ask(client)


async def test_a_wait_says_what_came_instead(llm: FakeLLM, client: AsyncOpenAI) -> None:
    llm.answers("Yes.")
    waiting = asyncio.create_task(llm.is_asked("time"))
    await ask(client, "What time is it?")
    await waiting
    await llm.is_asked()
    with pytest.raises(TimeoutError, match=r"llm was not asked 'tea' .* asked 'What time is it\?'"):
        await llm.is_asked("tea", timeout=0.05)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda llm, stt, tts: llm.fails(200),
        lambda llm, stt, tts: llm.answers("x", after=-1),
        lambda llm, stt, tts: llm.answers(None),
        lambda llm, stt, tts: llm.calls("x", {"y": object()}),
        lambda llm, stt, tts: stt.answers(5),
        lambda llm, stt, tts: tts.answers(tone=0),
        lambda llm, stt, tts: tts.answers(tone=440, sound="x.wav"),
        lambda llm, stt, tts: tts.answers(sound="there-is-none.wav"),
        lambda llm, stt, tts: tts.stops(-1),
    ],
)
def test_what_cannot_be_told(llm: FakeLLM, stt: FakeSTT, tts: FakeTTS, wrong: Any) -> None:
    with pytest.raises(DailyConfigError):
        wrong(llm, stt, tts)


@pytest.mark.parametrize(
    "name",
    [
        "cerebras.llm.CerebrasLLMService",
        "deepseek.llm.DeepSeekLLMService",
        "fireworks.llm.FireworksLLMService",
        "groq.llm.GroqLLMService",
        "groq.stt.GroqSTTService",
        "mistral.llm.MistralLLMService",
        "nvidia.llm.NvidiaLLMService",
        "ollama.llm.OLLamaLLMService",
        "openai.llm.OpenAILLMService",
        "openai.stt.OpenAISTTService",
        "openai.tts.OpenAITTSService",
        "openrouter.llm.OpenRouterLLMService",
        "qwen.llm.QwenLLMService",
        "sambanova.llm.SambaNovaLLMService",
        "together.llm.TogetherLLMService",
        "xai.llm.GrokLLMService",
    ],
)
async def test_these_services_of_pipecat_take_the_url(
    llm: FakeLLM,
    name: str,
) -> None:
    module, _, cls = f"pipecat.services.{name}".rpartition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that Pipecat imports
        service_class = getattr(import_module(module), cls)
    service = service_class(api_key="any", base_url=llm.url)
    assert str(service._client.base_url).rstrip("/") == llm.url


def test_the_fixtures_work_in_a_test_without_a_loop(suite: Run) -> None:
    ended = suite(
        conftest__py=CONFTEST,
        test_it__py="""
import os, openai

def test_it(llm, tts):
    assert os.environ["OPENAI_BASE_URL"] == llm.url == tts.url
    llm.answers("Yes.")
    with openai.OpenAI() as client:
        messages = [{"role": "user", "content": "Well?"}]
        answer = client.chat.completions.create(model="m", messages=messages)
    assert answer.choices[0].message.content == "Yes."

def test_the_environment_is_as_before():
    assert "OPENAI_BASE_URL" not in os.environ
""",
    )
    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr


BOT = """
import asyncio
from pipecat.frames.frames import LLMRunFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

async def bot(args):
    params = DailyParams(audio_out_enabled=True)
    transport = DailyTransport(args.room_url, args.token, "Robot", params)
    llm = OpenAILLMService()
    context = LLMContext([{"role": "user", "content": "What is it like in Oslo?"}])
    memory = LLMContextAggregatorPair(context)
    pipeline = [memory.user(), llm, OpenAITTSService(), transport.output(), memory.assistant()]
    worker = PipelineWorker(Pipeline(pipeline), idle_timeout_secs=None)

    async def get_weather(params):
        await params.result_callback({"weather": f"snow in {params.arguments['city']}"})

    llm.register_function("get_weather", get_weather)

    @transport.event_handler("on_participant_joined")
    async def on_participant_joined(*_):
        await worker.queue_frame(LLMRunFrame())

    @transport.event_handler("on_app_message")
    async def on_app_message(_, message, sender):
        await worker.queue_frame(TTSSpeakFrame(message["say"]))

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
"""


def test_a_bot_whose_service_was_told_to_fail_goes_on(suite: Run) -> None:
    """Any other exception of a bot fails its test."""
    ended = suite(
        *LEFT_OPEN,
        conftest__py=CONFTEST,
        bot__py=BOT,
        test_it__py="""
from bot import bot

async def test_it_goes_on(local_room, llm, tts):
    llm.fails(400)
    tts.answers(tone=880)
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await llm.is_asked("Oslo")
        tts.stops(0.1, to="Oops")
        ana.send({"say": "Oops."})
        await tts.is_asked("Oops")
        ana.send({"say": "Sorry."})
        await ana.hears(880)

async def test_nobody_told_it_anything(local_room, llm, tts):
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await ana.hears(880)
""",
    )
    assert "1 failed, 1 passed" in ended.stdout, ended.stdout + ended.stderr
    assert "test_nobody_told_it_anything - openai.BadRequestError" in ended.stdout, ended.stdout
    assert "The test has told llm no answer" in ended.stdout


def test_a_bot_calls_a_tool_and_answers_with_its_result(suite: Run) -> None:
    ended = suite(
        *LEFT_OPEN,
        conftest__py=CONFTEST,
        bot__py=BOT,
        test_it__py="""
from bot import bot

async def test_it(local_room, llm, tts):
    llm.calls("get_weather", {"city": "Oslo"})
    llm.answers(lambda messages: f"There is {messages[-1]['content']}.", to="snow in Oslo")
    tts.answers(tone=880, to="There is")
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await ana.hears(880)
""",
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
    assert ended.returncode == 0, ended.stdout + ended.stderr
