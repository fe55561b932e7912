# SPDX-License-Identifier: BSD-2-Clause
"""A server in the format of OpenAI's API, which answers as a test has told its services.

Reference: https://platform.openai.com/docs/api-reference/chat,
https://platform.openai.com/docs/api-reference/audio
"""

import asyncio
import io
import json
import uuid
import wave
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import BodyPartReader, hdrs, web

from pipecat_daily_rest.testing.fake_answers import (
    SAMPLE_RATE,
    Failure,
    Sound,
    Text,
    Told,
    ToolCall,
    words,
)
from pipecat_daily_rest.testing.fake_services import FakeLLM, FakeService, FakeSTT, FakeTTS

_MOST_BODY = 32 * 1024 * 1024  # bytes: pictures come in messages
_TRANSCRIPTION, _CHAT = "/v1/audio/transcriptions", "/v1/chat/completions"
_SPEECH = "/v1/audio/speech"
_KEY = "sk-local"  # any key is right; OpenAI's client refuses to have none
_FORMATS = {"pcm": "audio/pcm", "wav": "audio/wav"}


class _Wrong(Exception):
    """A request that OpenAI refuses, too."""

    def __init__(self, message: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.param = param
        self.status = status


class OpenAIServer:
    """A language model, a speech to text and a text to speech on this machine.

    Parameters:
        llm: What the test tells the language model.
        stt: The same of the speech to text.
        tts: The same of the text to speech.
    """

    async def __aenter__(self) -> Self:
        """Listen on 127.0.0.1."""
        app = web.Application(client_max_size=_MOST_BODY)
        app.router.add_post(_CHAT, self._answered(self._chat))
        app.router.add_post(_TRANSCRIPTION, self._answered(self._transcribe))
        app.router.add_post(_SPEECH, self._answered(self._speak))
        app.router.add_route("*", "/{path:.*}", self._answered(self._unknown))
        app.on_response_prepare.append(_close)
        self._closing = asyncio.Event()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        self.llm, self.stt, self.tts = FakeLLM(url), FakeSTT(url), FakeTTS(url)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; answers that are still to come do not."""
        self._closing.set()
        await self._runner.cleanup()

    def env(self) -> dict[str, str]:
        """Give the environment in which OpenAI's client, and so Pipecat's services, finds it.

        Returns:
            ``OPENAI_API_KEY`` and ``OPENAI_BASE_URL``.
        """
        return {"OPENAI_API_KEY": _KEY, "OPENAI_BASE_URL": self.llm.url}

    def _answered(
        self, endpoint: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Have an endpoint answer errors in OpenAI's form."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                if not request.headers.get(hdrs.AUTHORIZATION, "").startswith("Bearer "):
                    msg = "You didn't provide an API key."
                    raise _Wrong(msg, status=401)
                return await endpoint(request)
            except _Wrong as exc:
                return _error(exc.status, str(exc), exc.param)

        return answer

    async def _unknown(self, request: web.Request) -> web.Response:
        known = ", ".join((_CHAT, _TRANSCRIPTION, _SPEECH))
        msg = f"The fake has no {request.method} {request.path}: it has POST {known}."
        raise _Wrong(msg, status=404)

    async def _told(self, service: FakeService, asked: str, body: dict[str, Any]) -> Any:
        """Wait as long as the test said, and give the answer."""
        told: Told | None = service.take(asked, body)
        if told is None:
            name = service.name
            msg = f"The test has told {name} no answer: {name}.answers(…) before the bot asks."
            raise _Wrong(msg)
        await self._pause(told.after)
        return told.answer

    async def _pause(self, seconds: float | None) -> None:
        """Wait, for ever when None, but not beyond the end of the test."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            pass

    # -- The language model ----------------------------------------------------------------

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await _json(request)
        messages = _need(body, "messages", list)
        if not messages or not all(isinstance(each, dict) for each in messages):
            msg = "messages is a list of objects, with one at least."
            raise _Wrong(msg, "messages")
        answer = await self._told(self.llm, _text(messages[-1]), body)
        if isinstance(answer, Failure):
            return _failed(answer)
        if isinstance(answer, Text) and callable(answer.text):
            answer = Text(_called(answer.text, messages))
        if body.get("stream"):
            return await self._stream(request, body, answer)
        if isinstance(answer, Text) and answer.stops:
            return await self._break_off(request, web.Response(), answer.hangs)
        message, reason = _whole(answer)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        usage = _usage(messages, answer)
        whole = {**_base(body, "chat.completion"), "choices": [choice], "usage": usage}
        return web.json_response(whole)

    async def _stream(
        self, request: web.Request, body: dict[str, Any], answer: Text | ToolCall
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream"})
        await response.prepare(request)
        base = _base(body, "chat.completion.chunk")

        async def send(choices: list[dict[str, Any]], **members: Any) -> None:
            chunk = json.dumps({**base, "choices": choices, **members})
            await response.write(f"data: {chunk}\n\n".encode())

        deltas, reason = _parts(answer)
        for delta in deltas:
            await send([{"index": 0, "delta": delta, "finish_reason": None}])
        if isinstance(answer, Text) and answer.stops:
            return await self._break_off(request, response, answer.hangs)
        await send([{"index": 0, "delta": {}, "finish_reason": reason}])
        if (body.get("stream_options") or {}).get("include_usage"):
            await send([], usage=_usage(body["messages"], answer))
        await response.write(b"data: [DONE]\n\n")
        return response

    # -- Speech ----------------------------------------------------------------------------

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        if not request.content_type.startswith("multipart/"):
            msg = "The body is multipart/form-data."
            raise _Wrong(msg)
        fields: dict[str, Any] = {}
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name:
                read = await part.read()
                fields[part.name] = bytes(read) if part.filename else bytes(read).decode()
        _need(fields, "file", bytes)
        _need(fields, "model", str)
        answer = await self._told(self.stt, "", fields)
        if isinstance(answer, Failure):
            return _failed(answer)
        kind = fields.get("response_format", "json")
        if kind == "text":
            return web.Response(text=f"{answer.text}\n")
        if kind not in ("json", "verbose_json"):
            msg = f"response_format is json, verbose_json or text here, not {kind!r}."
            raise _Wrong(msg, "response_format")
        verbose = {"task": "transcribe", "language": "english", "duration": 0.0, "segments": []}
        more = verbose if kind == "verbose_json" else {}
        return web.json_response({**more, "text": answer.text})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        body = await _json(request)
        text, kind = _need(body, "input", str), body.get("response_format", "mp3")
        _need(body, "voice", (str, dict))
        if kind not in _FORMATS:
            msg = f"The fake says {' or '.join(_FORMATS)}: set response_format, not {kind!r}."
            raise _Wrong(msg, "response_format")
        answer = await self._told(self.tts, text, body)
        if isinstance(answer, Failure):
            return _failed(answer)
        content = _wav(answer.pcm) if kind == "wav" else answer.pcm
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: _FORMATS[kind]})
        await response.prepare(request)
        await response.write(content)
        if isinstance(answer, Sound) and answer.stops:
            return await self._break_off(request, response, answer.hangs)
        return response

    async def _break_off(
        self, request: web.Request, response: web.StreamResponse, hangs: bool
    ) -> web.StreamResponse:
        """End an answer before its end: by silence, or by the end of the connection."""
        if hangs:
            await self._pause(None)
        if request.transport is not None:
            request.transport.close()  # what was written still goes out
        return response


async def _close(_: web.Request, response: web.StreamResponse) -> None:
    """End the connection with the answer: Pipecat's services leave theirs open at their end."""
    response.force_close()


def _error(
    status: int, message: str, param: str | None = None, retry_after: float | None = None
) -> web.Response:
    kinds = {401: "authentication_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status)
    error = {"message": message, "type": kind, "param": param, "code": code}
    headers = {} if retry_after is None else {hdrs.RETRY_AFTER: f"{retry_after:g}"}
    return web.json_response({"error": error}, status=status, headers=headers)


def _failed(failure: Failure) -> web.Response:
    return _error(failure.status, failure.message, retry_after=failure.retry_after)


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as exc:
        msg = "The body is not JSON."
        raise _Wrong(msg) from exc
    if not isinstance(body, dict):
        msg = "The body is a JSON object."
        raise _Wrong(msg)
    _need(body, "model", str)
    return body


def _need(body: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(body.get(name), kind):
        msg = f"Missing or wrong required parameter: '{name}'."
        raise _Wrong(msg, name)
    return body[name]


def _called(function: Callable[[list[dict[str, Any]]], str], messages: Any) -> str:
    try:
        text = function(messages)
    except Exception as exc:
        msg = f"The test's function in llm.answers() raised {exc!r}."
        raise _Wrong(msg) from exc
    if not isinstance(text, str):
        msg = (
            f"The test's function in llm.answers() gave {type(text).__name__} instead of a string."
        )
        raise _Wrong(msg)
    return text


def _text(message: dict[str, Any]) -> str:
    """Give the words of a message, whose content may have parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return " ".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _base(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-local", "object": kind, "created": 1, "model": body["model"]}


def _call(**function: str) -> dict[str, Any]:
    return {"id": f"call_{uuid.uuid4().hex}", "type": "function", "function": function}


def _whole(answer: Text | ToolCall) -> tuple[dict[str, Any], str]:
    if isinstance(answer, ToolCall):
        call = _call(name=answer.name, arguments=answer.arguments)
        return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    return {"role": "assistant", "content": answer.text}, "stop"


def _parts(answer: Text | ToolCall) -> tuple[list[dict[str, Any]], str]:
    """Give the deltas of a stream: a word or a part of the arguments each."""
    if isinstance(answer, ToolCall):
        first = {"index": 0, **_call(name=answer.name, arguments="")}
        middle = len(answer.arguments) // 2
        halves = (answer.arguments[:middle], answer.arguments[middle:])
        rest = [{"index": 0, "function": {"arguments": half}} for half in halves]
        start = {"role": "assistant", "content": None, "tool_calls": [first]}
        return [start, *({"tool_calls": [each]} for each in rest)], "tool_calls"
    said = [{"content": word} for word in words(str(answer.text))]
    return [{"role": "assistant", "content": ""}, *said], "stop"


def _usage(messages: Any, answer: Text | ToolCall) -> dict[str, int]:
    """Count words for tokens."""
    said = answer.arguments if isinstance(answer, ToolCall) else str(answer.text)
    asked, told = sum(len(words(_text(each))) for each in messages), len(words(said))
    return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(pcm)
    return file.getvalue()
