# SPDX-License-Identifier: BSD-2-Clause
"""The manifests for Kubernetes fit the schemas of Kubernetes and KEDA.

`examples/deploy/kubernetes/`, each object by the schemas of Kubernetes 1.30 and 1.37 in the package
kubernetes-validate, in which an unknown field is an error, and KEDA's by the schemas in the npm package
`@kubernetes-models/keda`, which let unknown fields pass. A broken copy of each is refused. Nothing was
applied to a cluster: neither Kubernetes nor KEDA has run them.
"""

import json
import sys
import tempfile
from pathlib import Path

from npm import installed, program
from proof.command import CommandError, run
from proof.figures import Check, Figures
from proof.interpreters import environment

MANIFESTS = Path(__file__).parents[2] / "examples" / "deploy" / "kubernetes"
_VALIDATOR = "kubernetes-validate==1.37.0"
_MODELS = "@kubernetes-models/keda@2.0.0"
_VERSIONS = ("1.30", "1.37")

_KUBERNETES = """
import json, sys
import kubernetes_validate
for each in json.load(open(sys.argv[1])):
    for version in sys.argv[2:]:
        kubernetes_validate.validate(each, version, strict=True)
"""
_KEDA = """
import { readFileSync } from "node:fs";
import * as keda from "@kubernetes-models/keda/keda.sh/v1alpha1";
for (const each of JSON.parse(readFileSync(process.argv[2], "utf-8"))) {
    new keda[each.kind](each).validate();
}
"""


async def _passes(objects: list[object], folder: Path, *command: str | Path) -> bool:
    file = folder / "objects.json"
    file.write_text(json.dumps(objects))
    given = [file if each == "FILE" else each for each in command]
    try:
        await run(*given, cwd=folder)
    except CommandError as exc:
        print(exc)
        return False
    return True


async def prove() -> Figures:
    """Check all of them."""
    import yaml

    objects = [
        each
        for file in sorted(MANIFESTS.glob("*.yaml"))
        for each in yaml.safe_load_all(file.read_text("utf-8"))
    ]
    of_keda = [each for each in objects if each["apiVersion"].startswith("keda.sh/")]
    others = [each for each in objects if each not in of_keda]
    checks = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = await environment(folder / "venv", sys.executable, _VALIDATOR, "setuptools<81")
        (folder / "keda.mjs").write_text(_KEDA)
        (folder / "node_modules").symlink_to(installed(_MODELS) / "node_modules")
        kinds = (
            (
                f"Kubernetes {' and '.join(_VERSIONS)}",
                others,
                (python, "-c", _KUBERNETES, "FILE", *_VERSIONS),
            ),
            ("KEDA", of_keda, (program("node"), "keda.mjs", "FILE")),
        )
        for what, given, command in kinds:
            fits = await _passes(given, folder, *command)
            checks.append(Check(f"objects that fit the schemas of {what}", str(len(given)), fits))
            broken = json.loads(json.dumps(given))
            broken[-1]["spec"] = "nothing"
            refused = not await _passes(broken, folder, *command)
            checks.append(
                Check(f"a broken one is refused: {what}", "yes" if refused else "no", refused)
            )
    return Figures(checks)
