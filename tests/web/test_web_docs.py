# SPDX-License-Identifier: BSD-2-Clause
"""The snippets of docs/web-clients.md, run as they stand there."""

import functools
import re
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from daily_app import package
from npm import installed
from npm import program as program_of
from programs import processes
from pypi import playwright_plugin
from web_app import NO_NAMES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "web-clients.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL))
SERVE = (sys.executable, "-m", "pipecat_daily_rest", "serve", "bot.py", "--local", "--port", "0")
TAG = r'<script src="http://localhost:\d+/\.daily-js/reroute\.js"></script>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "examples" / "server" / "bot.py", tmp_path)
    return tmp_path


@pytest_asyncio.fixture(loop_scope="session")
async def start(folder: Path) -> Any:
    async with processes(folder) as start:
        yield start


@pytest.fixture
def site(folder: Path) -> Iterator[str]:
    """Serves `folder/site`, and gives its address."""
    (folder / "site").mkdir()
    (folder / "site" / "daily.js").write_text(package("0.90.0"))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    serving = functools.partial(Quiet, directory=folder / "site")
    with ThreadingHTTPServer(("127.0.0.1", 0), serving) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


async def test_a_plain_page_with_the_tag_and_a_test_in_javascript_without(
    web_apps: Any, start: Any, site: str, folder: Path
) -> None:
    program = await start(*SERVE)
    tag = await program.says(TAG, stream="err")
    server = await program.says(r"^http://\S+$")
    page = FILES["index.html"].replace("http://127.0.0.1:7860", server)
    (folder / "site" / "index.html").write_text(re.sub(TAG, tag, page))
    app = await web_apps.visit(site)
    await app.page.get_by_role("button", name="Start").click()
    await app.until('() => said.textContent === \'{"hello":"Ana"}\'')
    await app.context.close()

    (folder / "site" / "index.html").write_text(re.sub(TAG, "", page))
    spec = FILES["app.spec.js"].replace("http://localhost:5173", site)
    local_daily = re.findall(r"http://localhost:\d+", tag)[0]
    (folder / "app.spec.js").write_text(spec.replace("http://localhost:7880", local_daily))
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    config = FILES["playwright.config.js"].replace("// executablePath", "executablePath")
    config = config.replace("args: [", f"args: [{NO_NAMES!r},")
    (folder / "playwright.config.js").write_text(config.replace("/usr/bin/chromium", chromium))
    packages = installed("@playwright/test@1.56.1")
    (folder / "node_modules").symlink_to(packages / "node_modules")
    cli = packages / "node_modules" / "@playwright" / "test" / "cli.js"
    tested = await start(program_of("node"), cli, "test", "--reporter=line")
    assert await tested.ended() == 0, tested.out + tested.err
    assert "1 passed" in tested.out
    program.signal(signal.SIGTERM)
    assert await program.ended() == 0


OURS = """
import pytest

@pytest.fixture
def app_url():
    return {site!r}

@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {{**browser_type_launch_args, "args": [*browser_type_launch_args["args"], {flag!r}]}}
"""


@pytest.mark.parametrize("kind", ["playwright", "playwright-asyncio"])
async def test_a_test_in_python(
    start: Any, site: str, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its page has a tag of a local Daily that does not run, so that only the route helps."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    page = FILES["index.html"].replace("7860", port).replace("7880", "9")
    (folder / "site" / "index.html").write_text(page)
    name = "test_app.py" if kind == "playwright" else "test_async_app.py"
    test = FILES[name].replace('"serve", "bot.py"', f'"serve", "bot.py", "--port", "{port}"')
    (folder / name).write_text(test)
    (folder / "conftest.py").write_text(
        FILES["conftest.py"] + OURS.format(site=site, flag=NO_NAMES)
    )
    (folder / "pytest.ini").write_text(FILES["pytest.ini"] if "async" in kind else "[pytest]\n")
    packages = playwright_plugin(kind)
    path = ("-o", "chromium_executable_path=chromium")
    program = await start(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *path),
        env={"PYTHONPATH": str(packages)},
    )
    assert await program.ended() == 0, program.out + program.err
    assert "1 passed" in program.out


# What Vite makes of a page in development, and in a build.
VITE = """
import { build, createServer } from "vite";
const server = await createServer({ server: { middlewareMode: true }, logLevel: "silent" });
console.log("served", (await server.transformIndexHtml("/", "<head></head>")).replaceAll("\\n", " "));
await server.close();
const [{ source }] = (await build({ logLevel: "silent" })).output;
console.log("built", source.replaceAll("\\n", " "));
"""


async def test_vite_has_the_tag_in_development_alone(start: Any, folder: Path) -> None:
    (folder / "node_modules").symlink_to(installed("vite@5.4.20") / "node_modules")
    (folder / "vite.config.mjs").write_text(FILES["vite.config.js"])
    (folder / "index.html").write_text("<head></head>")
    (folder / "try.mjs").write_text(VITE)
    program = await start(program_of("node"), "try.mjs")
    assert await program.ended() == 0, program.err
    served = await program.says("^served (.*)$")
    assert re.match(r"<head>\s*" + TAG, served), served
    assert "7880" not in await program.says("^built (.*)$")
