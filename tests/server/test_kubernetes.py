# SPDX-License-Identifier: BSD-2-Clause
"""The manifests for Kubernetes: what they say of the server is so. No cluster is asked.

`make proof ONLY=kubernetes` checks them against the schemas of Kubernetes and KEDA.
"""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipecat_daily_rest.server import Sessions, StartRequest
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.router import AutoscaleAnswer, session_router
from serving import BEHAVE, STAY, served

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "deploy" / "kubernetes"
PAGE = (ROOT / "docs" / "server.md").read_text()
DRAIN_AND_DELETE = 20  # seconds that docs/server.md asks for beyond --drain


def read(*names):
    return [each for name in names for each in yaml.safe_load_all((FOLDER / name).read_text())]


WAYS = {
    "many": read("bots.yaml", "keda.yaml"),
    "one": read("one-call-per-pod.yaml"),
}


@pytest.fixture(params=WAYS)
def objects(request):
    """All that is applied for one of the two ways."""
    return read("namespace.yaml", "redis.yaml") + WAYS[request.param]


def of(objects, kind, name="bots"):
    [found] = [
        each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name
    ]
    return found


def pod(objects):
    return of(objects, "Deployment")["spec"]["template"]["spec"]


def server(objects):
    [container] = pod(objects)["containers"]
    return container


def variables(objects):
    return {each["name"]: each.get("value") for each in server(objects)["env"]}


def paths():
    app = FastAPI()
    app.include_router(session_router(Sessions(BEHAVE, max_sessions=1, launcher="task")))
    return app


def test_every_file_is_used_and_all_is_in_one_namespace(objects):
    assert {each.name for each in FOLDER.iterdir()} == {
        *("namespace.yaml", "redis.yaml", "bots.yaml", "keda.yaml", "one-call-per-pod.yaml")
    }
    space, *others = objects
    assert {each["metadata"]["namespace"] for each in others} == {space["metadata"]["name"]}
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(set(names)) == len(names)


def test_the_pod_lives_as_long_as_the_drain_takes(objects):
    drain = int(variables(objects)["PIPECAT_DAILY_DRAIN"])
    command, seconds = server(objects)["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    grace = pod(objects)["terminationGracePeriodSeconds"]
    assert grace >= int(seconds) + drain + DRAIN_AND_DELETE


def test_the_variables_are_the_servers_own_and_no_secret_is_written_down(objects):
    for name, value in variables(objects).items():
        assert f"`{name}`" in PAGE or f"{name}=" in PAGE, name
        secret = "KEY" in name
        assert (value is None) == secret
    keys = {
        each["valueFrom"]["secretKeyRef"]["key"]
        for each in server(objects)["env"]
        if "valueFrom" in each
    }
    created = re.findall(r"--from-literal=([\w-]+)=", (FOLDER / "namespace.yaml").read_text())
    assert keys == set(created)
    [asked] = of(objects, "TriggerAuthentication")["spec"]["secretTargetRef"]
    assert (asked["name"], asked["parameter"]) == ("bots", "token")
    assert asked["key"] in keys


def test_labels_find_the_pods(objects):
    for name in ("bots", "redis"):
        deployment = of(objects, "Deployment", name)["spec"]
        labels = deployment["template"]["metadata"]["labels"]
        assert deployment["selector"]["matchLabels"] == labels
        for service in (each for each in objects if each["kind"] == "Service"):
            if service["metadata"]["name"].startswith(name):
                assert service["spec"]["selector"] == labels
    labels = of(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert of(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    [spread] = pod(objects)["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == labels


def test_the_ports_and_the_paths_of_the_probes_are_the_servers(objects):
    [port] = server(objects)["ports"]
    assert f"| `--port` | `PIPECAT_DAILY_PORT` | {port['containerPort']} |" in PAGE
    with TestClient(paths()) as client:
        known = client.get("/openapi.json").json()["paths"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if (get := server(objects)[probe].get("httpGet")) is not None:
            assert get["port"] == port["name"]
            assert get["path"] in known
    redis = urlsplit(variables(objects)["DAILY_REDIS_URL"])
    service = of(objects, "Service", "redis")
    assert redis.hostname == f"redis.{service['metadata']['namespace']}.svc.cluster.local"
    assert redis.port == service["spec"]["ports"][0]["port"]


def test_nothing_writes_but_into_the_folder_for_it(objects):
    assert server(objects)["securityContext"]["readOnlyRootFilesystem"] is True
    [mount], [volume] = server(objects)["volumeMounts"], pod(objects)["volumes"]
    assert (mount["mountPath"], mount["name"]) == ("/tmp", volume["name"])  # noqa: S108
    assert "emptyDir" in volume


def test_keda_asks_what_the_server_answers(objects):
    scaled = of(objects, "ScaledObject")["spec"]
    assert scaled["scaleTargetRef"]["name"] == "bots"
    [trigger] = scaled["triggers"]
    told = trigger["metadata"]
    assert trigger["authenticationRef"]["name"] == "bots"
    assert (trigger["type"], told["authMode"]) == ("metrics-api", "bearer")
    assert all(isinstance(each, str) for each in told.values())
    url = urlsplit(told["url"])
    name, space, *_ = url.hostname.split(".")
    service = of(objects, "Service", name)
    assert space == service["metadata"]["namespace"]
    assert url.port == service["spec"]["ports"][0]["port"]
    assert told["valueLocation"] in AutoscaleAnswer.model_fields
    with TestClient(paths()) as client:
        asked = client.get("/openapi.json").json()["paths"][url.path]["get"]["parameters"]
    assert {name for name, _ in parse_qsl(url.query)} <= {each["name"] for each in asked}
    # A fallback needs an average, and pods are not to be full on the average.
    assert trigger["metricType"] == "AverageValue"
    assert int(told["targetValue"]) <= int(variables(objects)["PIPECAT_DAILY_MAX_SESSIONS"])
    assert scaled["fallback"]["replicas"] == scaled["minReplicaCount"]
    assert "replicas" not in of(objects, "Deployment")["spec"]


async def test_the_probe_of_one_call_tells_whether_the_pod_is_free(serve):
    """The command of the manifest runs as it is, but for the port."""
    name, flag, program = server(WAYS["one"])["readinessProbe"]["exec"]["command"]
    assert (name, flag) == ("python", "-c")
    sessions = await serve(max_sessions=int(variables(WAYS["one"])["PIPECAT_DAILY_MAX_SESSIONS"]))
    async with served(create_app(sessions)) as (_, port):
        program = program.replace(":7860/", f":{port}/").replace("timeout=4", "timeout=60")

        async def free():
            done = await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", program], capture_output=True
            )
            return done.returncode == 0

        assert await free()
        session = await sessions.start(StartRequest(body=STAY))
        assert not await free()
        await sessions.stop(session.id)
        assert await free()
        # What looks after the pods finds those with a call, too.
        every = of(WAYS["one"], "Service", "bots-all")["spec"]
        assert every["publishNotReadyAddresses"] is True
