"""What every registered network must fulfil, in every number of dimensions that it has, at tiny widths.

A network is in this suite by being registered. ``variants.tiny`` makes it with a few channels on each level;
weights and images come from a formula, so nothing here depends on a random generator.
"""

from __future__ import annotations

import copy
import inspect
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from isthmus.errors import IsthmusError
from isthmus.networks import create_model, initialise, list_models, model_card
from isthmus.networks.registry import dimensions, entry

from .variants import VARIANTS, every_network, good_size, image, logits, make_tiny, outputs, tiny

STORED = Path(__file__).parent / "data" / "logits.json"
CHECKPOINTED = [(n, d) for n, d in VARIANTS if "checkpoint" in inspect.signature(entry(n).make).parameters]
BF16 = 2.0**-8  # root mean square of the error over that of the logits, for each convolution
CAPABILITIES = {"compile", "export", "onnx"}  # as held by test_export


@every_network
def test_gives_logits_of_the_size_of_the_image(name, dims):
    network = tiny(name, dims, in_channels=5, classes=7)
    x = image(3, 5, *good_size(network))
    for mode in (network.eval(), network.train()):
        y = logits(mode(x))
        assert y.shape == (3, 7, *x.shape[2:])
        assert y.dtype == torch.float32
        assert torch.isfinite(y).all()


@every_network
def test_gives_one_tensor_or_the_documented_heads(name, dims):
    network = tiny(name, dims)
    x = image(2, 3, *good_size(network))
    seen, trained = network.eval()(x), network.train()(x)
    for result in (seen, trained):
        heads = outputs(result)
        assert next(iter(heads)) == "logits"
        assert all(isinstance(head, Tensor) for head in heads.values())
    assert set(outputs(seen)) <= set(outputs(trained))
    for head in outputs(trained):
        assert isinstance(trained, Tensor) or f'"{head}"' in (inspect.getdoc(type(network)) or "")


class _OpenReLU(TorchFunctionMode):
    """A ReLU that no pixel of a tiny network passes would hide a connection that is there."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") in ("relu", "relu_"):
            return F.leaky_relu(args[0], 0.5)
        return func(*args, **(kwargs or {}))


@every_network
def test_every_parameter_receives_a_gradient(name, dims):
    network = tiny(name, dims).train()
    with _OpenReLU():
        result = outputs(network(image(2, 3, *good_size(network))))
    sum(head.square().mean() for head in result.values()).backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not without
    unmoved = [n for n, p in network.named_parameters() if not p.grad.any()]
    assert not unmoved


@every_network
def test_refuses_what_does_not_fit_in_one_sentence(name, dims):
    network = tiny(name, dims)
    size = good_size(network)
    refused = [image(1, 4, *size), image(1, 3, *size, 4), image(3, *size), image(1, 3, *size[:-1], 0)]
    divisor = network.divisor
    odd = tuple(side + divisor // 2 + (axis % 2) for axis, side in enumerate(size))
    if divisor > 1:
        refused.append(image(1, 3, *odd))
    for x in refused:
        with pytest.raises(IsthmusError) as error:
            network(x)
        assert "\n" not in str(error.value)
    if divisor > 1:
        found = re.search(r"nearest [^:;]*? (\d+(?:x\d+)+)", str(error.value))
        assert found, str(error.value)
        good = tuple(map(int, found[1].split("x")))
        for side, near in zip(odd, good, strict=True):
            assert near % divisor == 0
            assert abs(near - side) <= divisor / 2
        assert logits(network(image(1, 3, *good))).shape[2:] == good


@every_network
def test_refuses_impossible_options(name, dims):
    for wrong in ({"in_channels": 0}, {"classes": 0}, {"classes": True}, {"in_channels": 1.5}, {"depht": 3}):
        with pytest.raises(IsthmusError) as error:
            create_model(name, spatial_dims=dims, **wrong)
        assert next(iter(wrong)) in str(error.value)
        assert "\n" not in str(error.value)
    for wrong_dims in {1, 2, 3, 4, "2"} - set(dimensions(name)):
        with pytest.raises(IsthmusError, match=r"(?i)dim|2D|3D"):
            create_model(name, spatial_dims=wrong_dims)


@every_network
def test_survives_a_file_of_weights(name, dims, tmp_path):
    network = tiny(name, dims)
    x = image(1, 3, *good_size(network))
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    other = make_tiny(name, dims, in_channels=3, classes=3).eval()
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    torch.testing.assert_close(outputs(other(x)), outputs(network(x)), rtol=0, atol=0)


@every_network
def test_channels_last_changes_nothing(name, dims):
    """To 1e-5 in evaluation; in training, where statistics of few pixels magnify rounding, in float64."""
    layout = torch.channels_last if dims == 2 else torch.channels_last_3d
    network = tiny(name, dims)
    x = image(2, 3, *good_size(network))
    modes = [("eval", torch.float32, 1e-5), ("train", torch.float64, 1e-9)]
    for mode, dtype, near in modes if dims == dimensions(name)[0] else modes[:1]:
        results = []
        for change in ({}, {"memory_format": layout}):
            torch.manual_seed(0)
            one = getattr(copy.deepcopy(network), mode)().to(dtype).to(**change)
            results.append(outputs(one(x.to(dtype).contiguous(**change))))
        expected, found = results
        for head, y in expected.items():
            scale = float(y.detach().abs().max().clamp(min=1))
            torch.testing.assert_close(found[head], y, rtol=0, atol=near * scale)


@every_network
def test_bf16_stays_close(name, dims):
    """Within one rounding to 8 bits for each convolution, with weights in bf16 or the arithmetic alone."""
    network = tiny(name, dims)
    convolutions = sum(p.ndim > 2 for p in network.parameters())
    x = image(2, 3, *good_size(network))
    with torch.no_grad():
        expected = logits(network(x))
        with torch.autocast("cpu", torch.bfloat16):
            mixed = logits(network(x)).float()
        pure = logits(network.bfloat16()(x.bfloat16())).float()
    for found in (mixed, pure):
        error = (found - expected).square().mean().sqrt() / expected.square().mean().sqrt()
        assert float(error) <= BF16 * convolutions


@pytest.mark.parametrize(("name", "dims"), CHECKPOINTED, ids=[f"{n}-{d}d" for n, d in CHECKPOINTED])
def test_checkpointing_changes_nothing(name, dims):
    plain, saving = (tiny(name, dims, checkpoint=checkpoint).train() for checkpoint in (False, True))
    x = image(2, 3, *good_size(plain))
    kept = []
    for network in (plain, saving):
        torch.manual_seed(0)
        saved = [0]

        def pack(t: Tensor, saved: list[int] = saved) -> Tensor:
            saved[0] += t.numel()
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            loss = sum(head.square().mean() for head in outputs(network(x)).values())
        loss.backward()
        kept.append(saved[0])
    assert kept[1] < kept[0]
    for (key, one), two in zip(plain.named_parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, msg=key)
    for (key, one), two in zip(plain.named_buffers(), saving.buffers(), strict=True):
        torch.testing.assert_close(two, one, msg=key)


@every_network
def test_the_same_seed_gives_the_same_weights(name, dims):
    one, two, other = (initialise(make_tiny(name, dims), seed=seed) for seed in (7, 7, 8))
    torch.testing.assert_close(dict(two.named_parameters()), dict(one.named_parameters()), rtol=0, atol=0)
    drawn = [n for n, module in one.named_modules() if isinstance(module, nn.Conv2d | nn.Conv3d)]
    assert drawn
    assert not any(torch.equal(other.get_submodule(n).weight, one.get_submodule(n).weight) for n in drawn)


def stored_numbers(name: str, dims: int, **options: Any) -> list[float]:
    """Eight logits spread over the output, and the mean of each further head."""
    network = tiny(name, dims, **options)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        result = outputs(network(image(1, 3, *good_size(network))))
    torch.set_num_threads(threads)
    flat = result.pop("logits").flatten()
    numbers = flat[torch.linspace(0, len(flat) - 1, 8).long()].tolist()
    return numbers + [float(head.mean()) for head in result.values()]


@every_network
def test_logits_are_the_stored_ones(name, dims):
    """``ISTHMUS_STORE_LOGITS=1`` writes those that are missing; a stored one is changed by deleting it."""
    key, found = f"{name}-{dims}d", stored_numbers(name, dims)
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    if key not in stored and os.environ.get("ISTHMUS_STORE_LOGITS"):
        stored[key] = [round(number, 6) for number in found]
        lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(stored.items())]
        STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    assert key in stored, f"no stored logits of {key}: run this test once with ISTHMUS_STORE_LOGITS=1"
    assert max(map(abs, found)) > 0.01, "logits too small to tell a change"
    assert found == pytest.approx(stored[key], rel=1e-4, abs=1e-4)


EARLIER = [
    (name, dims, version)
    for name in list_models()
    for version in entry(name).earlier
    for dims in dimensions(name)
]


@pytest.mark.parametrize(("name", "dims", "version"), EARLIER)
def test_earlier_versions_give_the_logits_that_they_gave(name, dims, version):
    stored = json.loads(STORED.read_text())[f"{name} version {version}-{dims}d"]
    assert stored_numbers(name, dims, version=version) == pytest.approx(stored, rel=1e-4, abs=1e-4)
    assert version < model_card(name).version


@every_network
def test_card_declares_only_what_is_tested(name, dims):
    card = model_card(name)
    assert set(card.cannot) <= CAPABILITIES
    assert card.paper
    assert card.source
