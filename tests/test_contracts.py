"""The import contracts check what their names say."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
IMPORTED_AS = {
    "imagecodecs": "imagecodecs",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pynrrd": "nrrd",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
}
SAID = {"torch": "torch", "safetensors": "safetensors", "NumPy": "numpy", "SciPy": "scipy", "OpenCV": "cv2"}
ON_WINDOWS = {"psutil"}  # by `isthmus.machine`
FOLDERS = {name: contract for name, contract in CONTRACTS.items() if contract["type"] == "forbidden"}

PRIVATE = {  # names of the framework that are used outside of the folders for speed, with the reason
    ("description/receptive_field.py", "torch.utils._python_dispatch"): "the only home of dispatch modes",
}


def dependencies() -> set[str]:
    """Names under which everything that users install is imported."""
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [
        *PROJECT["project"]["dependencies"],
        *extras["app"],
        *extras["export"],
        *extras["io"],
        *extras["objects"],
        *extras["ray"],
    ]
    packages = [re.split(r"[\[>=;< ]", line)[0] for line in wanted]
    return {IMPORTED_AS.get(package, package) for package in packages}


@pytest.mark.parametrize("contract", FOLDERS.values(), ids=FOLDERS)
def test_a_contract_forbids_every_dependency_that_its_name_does_not_allow(
    contract: dict[str, object],
) -> None:
    allowed = {module for word, module in SAID.items() if word in str(contract["name"])}
    assert set(contract["forbidden_modules"]) == dependencies() - allowed - ON_WINDOWS


def _private_names(tree: ast.AST) -> set[str]:
    """Names below torch that begin with an underscore, and operators by name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Attribute):
            names = [re.sub(r"^(nn|F)\.", r"torch.\1.", ast.unparse(node))]
        found |= {name for name in names if re.match(r"torch\.(ops\b|(\w+\.)*_[a-zA-Z])", name)}
    return found


def test_private_names_of_the_framework_stand_where_its_kernels_are_replaced() -> None:
    sources = ROOT / "src" / "isthmus"
    speed = [sources / "networks" / "kernels", sources / "inference" / "engines" / "fused.py"]
    found: set[tuple[str, str]] = set()
    for path in sources.rglob("*.py"):
        if any(path.is_relative_to(place) for place in speed):
            continue
        for name in _private_names(ast.parse(path.read_text(encoding="utf-8"))):
            found.add(("/".join(path.parts[-2:]), name.removesuffix(".TorchDispatchMode")))
    assert found == set(PRIVATE)


def test_private_names_are_recognised() -> None:
    code = "from torch._C import x\nimport torch._inductor\ntorch.ops.aten.add\ntorch._foreach_add\nnn.modules._a\n"
    assert len(_private_names(ast.parse(code))) >= 5
    assert not _private_names(ast.parse("torch.nn.Module().__init__\nself._own\ntorch.relu_"))
