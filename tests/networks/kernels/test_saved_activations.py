"""Layers that save less for the backward pass give the values, gradients and statistics of those that save all."""

from __future__ import annotations

import copy
import warnings
import weakref

import pytest
import torch
from torch import Tensor, nn

from isthmus.networks import create_model, plain
from isthmus.networks.kernels import saved_activations as saved
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.models import mildnet

from ..graphs import lets_go


class Block(nn.Module):
    """BN, ReLU, three convolutions that all read the result, summed."""

    def __init__(self, dims: int = 2) -> None:
        super().__init__()
        layer, norm = (nn.Conv2d, nn.BatchNorm2d) if dims == 2 else (nn.Conv3d, nn.BatchNorm3d)
        self.norm = norm(3)
        self.branches = nn.ModuleList(layer(3, 2, 3, padding=d, dilation=d) for d in (1, 2, 3))

    def forward(self, x: Tensor) -> Tensor:
        with saved.norm_relu(self.norm, x) as y:
            return sum(branch(y) for branch in self.branches)

    def plainly(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(x))
        return sum(branch(y) for branch in self.branches)


def block(dims: int = 2) -> Block:
    torch.manual_seed(0)
    made = Block(dims).double()
    with torch.no_grad():
        made.norm.weight.copy_(torch.tensor([0.5, -1.0, 2.0]))
        made.norm.bias.copy_(torch.tensor([0.1, 0.2, -0.3]))
    return made


def gradients(module: nn.Module, loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, [*inputs, *module.parameters()])


@pytest.mark.parametrize("dims", [2, 3])
def test_values_gradients_and_statistics_are_those_of_the_plain_layers(dims: int) -> None:
    ours, plain = block(dims), block(dims)
    x = torch.randn(2, 3, *[7] * dims, dtype=torch.float64, requires_grad=True)
    a, b = ours(x), plain.plainly(x)
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    for got, expected in zip(
        gradients(ours, a.square().sum(), x), gradients(plain, b.square().sum(), x), strict=True
    ):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    for (name, got), (_, expected) in zip(ours.named_buffers(), plain.named_buffers(), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=0, msg=name)


def test_the_result_is_computed_once_in_the_backward_pass_and_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[Tensor] = []
    computed: list[int] = []
    pack, compute = saved._Recomputed.pack, saved._Recomputed.compute

    def spy(self: saved._Recomputed, tensor: Tensor) -> object:
        packed = pack(self, tensor)
        if packed is not None:
            kept.append(tensor)
        return packed

    def count(self: saved._Recomputed) -> Tensor:
        computed.append(1)
        return compute(self)

    monkeypatch.setattr(saved._Recomputed, "pack", spy)
    monkeypatch.setattr(saved._Recomputed, "compute", count)
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    loss = block()(x).sum()
    assert not [tensor for tensor in kept if tensor.shape == x.shape]
    assert computed == []
    loss.backward(retain_graph=True)
    assert len(computed) == 1
    loss.backward()
    assert len(computed) == 2


def test_gradients_of_gradients() -> None:
    made = block()
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: made(x).square(), x)


def test_a_frozen_branch_and_a_frozen_norm() -> None:
    ours, plain = block(), block()
    for made in (ours, plain):
        made.branches[1].requires_grad_(False)
        made.norm.requires_grad_(False)
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    ours(x).square().sum().backward()
    plain.plainly(x).square().sum().backward()
    for got, expected in zip(ours.parameters(), plain.parameters(), strict=True):
        if expected.grad is None:
            assert got.grad is None
        else:
            torch.testing.assert_close(got.grad, expected.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("state", ["evaluation", "no gradients"])
def test_where_nothing_is_gained_the_layers_run_as_they_are(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved, "_Recomputed", None)  # it would fail
    made, x = block(), torch.randn(1, 3, 8, 8, dtype=torch.float64)
    if state == "evaluation":
        made.eval()(x)
    else:
        with torch.no_grad():
            made(x)


def test_in_a_checkpointed_part() -> None:
    ours, plain = block(), block()
    ours.checkpoint = True
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    a = checkpointed(
        ours, lambda y: ours(y * 1), x
    )  # the product belongs to the part: it must not outlive it
    b = plain.plainly(x)
    for got, expected in zip(
        gradients(ours, a.square().sum(), x), gradients(plain, b.square().sum(), x), strict=True
    ):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    for (name, got), (_, expected) in zip(ours.named_buffers(), plain.named_buffers(), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=0, msg=name)


def test_what_a_checkpointed_part_computes_inside_does_not_outlive_it() -> None:
    """The second convolution of a bridge's level reads a tensor that only the part made."""
    torch.manual_seed(0)
    level = mildnet._PlainLevel(2, 3, True, last=True)
    level.checkpoint = True
    alive: list[weakref.ref[Tensor]] = []

    def watched(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        alive.append(weakref.ref(inputs[0]))

    hook = level.convs[1].register_forward_pre_hook(watched)
    y = checkpointed(level, level.__call__, torch.randn(1, 3, 8, 8, requires_grad=True))
    assert len(alive) == 1
    assert alive[0]() is None
    y.sum().backward()
    assert len(alive) == 2
    hook.remove()


def test_nor_do_weights_in_the_number_type_of_its_convolutions() -> None:
    ours = block().float()
    ours.checkpoint = True
    alive: list[weakref.ref[torch.UntypedStorage]] = []

    def note(tensor: Tensor) -> Tensor:
        alive.append(weakref.ref(tensor.untyped_storage()))
        return tensor

    def part(x: Tensor) -> Tensor:
        for branch in ours.branches:
            branch.half = branch.weight.bfloat16()
            note(branch.half)
        with saved.norm_relu(ours.norm, x) as y:
            return sum(torch.conv2d(y.bfloat16(), branch.__dict__.pop("half")) for branch in ours.branches)

    loss = checkpointed(ours, part, torch.randn(2, 3, 8, 8, requires_grad=True)).float().sum()
    assert [kept() for kept in alive] == [None] * 3
    loss.backward()


@pytest.mark.parametrize("backward", [True, False])
def test_it_lets_go_of_its_input_without_the_collector(backward: bool) -> None:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert lets_go(block(), x, backward)


@pytest.mark.parametrize(("kernel", "padding"), [(2, 0), (3, 1)])
@pytest.mark.parametrize("dims", [2, 3])
def test_pooling_is_the_framework_s_and_keeps_no_places(dims: int, kernel: int, padding: int) -> None:
    ours, plain = (
        kind(kernel, stride=2, padding=padding)
        for kind in ((saved.MaxPool2d, nn.MaxPool2d) if dims == 2 else (saved.MaxPool3d, nn.MaxPool3d))
    )
    torch.manual_seed(0)
    x = torch.randint(0, 3, (2, 3, *[9] * dims)).double().requires_grad_()  # ties in most windows
    kept: list[torch.dtype] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.dtype) or t, lambda t: t):
        a = ours(x)
    b = plain(x)
    assert kept == [torch.float64]
    assert torch.equal(a, b)
    weight = torch.randn_like(a)
    ((one,), (two,)) = (torch.autograd.grad((y * weight).sum(), x) for y in (a, b))
    assert torch.equal(one, two)
    distinct = torch.randperm(x.numel()).view(x.shape).double().requires_grad_()
    assert torch.autograd.gradgradcheck(ours, distinct)
    layout = torch.channels_last if dims == 2 else torch.channels_last_3d
    assert ours(x.contiguous(memory_format=layout)).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("ours", [saved.MaxPool2d(2), saved.MaxPool3d(2)])
def test_pooling_of_a_single_image_is_the_framework_s(ours: nn.MaxPool2d | nn.MaxPool3d) -> None:
    plain = nn.MaxPool2d(2) if isinstance(ours, nn.MaxPool2d) else nn.MaxPool3d(2)
    x = torch.randn(2, *[6] * (2 if isinstance(ours, nn.MaxPool2d) else 3), requires_grad=True)
    assert torch.equal(ours(x), plain(x))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["unet", "mildnet"])
def test_transforms_of_functions_and_tracing_go_through(name: str, training: bool) -> None:
    torch.manual_seed(0)
    network = create_model(name, widths=(2, 3)).train(training)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked = None  # a count cannot be changed within a transform
    x = torch.randn(1, 1, 8, 8)
    parameters = dict(network.named_parameters())

    def loss(values: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(network, values, (x,)).square().sum()

    found = torch.func.grad(loss)(parameters)
    loss(parameters).backward()
    for name, parameter in parameters.items():
        torch.testing.assert_close(found[name], parameter.grad)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the framework's own about tracing
        assert torch.equal(torch.jit.trace(network, x)(x), network(x))


def test_what_lies_otherwise_in_memory_is_kept_as_it_is() -> None:
    """A transposed view begins at the same place with the same shape."""
    norm, conv = nn.BatchNorm2d(2).double(), nn.Conv2d(2, 2, 3).double()
    x = torch.randn(2, 2, 5, 5, dtype=torch.float64)
    with saved.norm_relu(norm, x) as y:
        ours = conv(y.transpose(2, 3))
    plain = conv(torch.relu(norm(x)).transpose(2, 3))
    for got, expected in zip(
        gradients(conv, ours.square().sum()), gradients(conv, plain.square().sum()), strict=True
    ):
        torch.testing.assert_close(got, expected)


def test_a_checkpointed_part_goes_backward_twice() -> None:
    made = block()
    made.checkpoint = True
    loss = checkpointed(
        made, made.__call__, torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    ).sum()
    first = torch.autograd.grad(loss, list(made.parameters()), retain_graph=True)
    second = torch.autograd.grad(loss, list(made.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_pooling_where_nothing_is_learned_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "_MaxPool", None)  # it would fail
    saved.MaxPool2d(2)(torch.randn(1, 1, 4, 4))
    with torch.no_grad():
        saved.MaxPool3d(2)(torch.randn(1, 1, 4, 4, 4, requires_grad=True))


def test_as_training_runs_it_in_bfloat16_and_channels_last() -> None:
    torch.manual_seed(0)
    made = Block().to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, 16, 16).contiguous(memory_format=torch.channels_last).requires_grad_()
    found = []
    for forward in (made.forward, made.plainly):
        with torch.autocast("cpu", torch.bfloat16):
            y = forward(x)
        found.append(gradients(made, y.float().square().sum(), x))
    for got, expected in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=2e-2, atol=2e-2 * float(expected.abs().max()))


def test_a_single_value_a_channel_is_refused_as_by_the_framework() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        block()(torch.randn(1, 3, 1, 1, dtype=torch.float64))


def test_relu_by_mask_keeps_one_byte_a_value() -> None:
    x = torch.tensor([-2.0, -0.0, 0.0, 3.0, float("inf")], requires_grad=True)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        y = saved.relu_(x * 1, saved_anyway=False)
    assert [tensor.dtype for tensor in kept if tensor.shape == x.shape and tensor is not x] == [torch.bool]
    assert y.tolist() == [0, 0, 0, 3, float("inf")]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 0, 1, 1]


def test_mildnet_trains_as_with_everything_saved() -> None:
    torch.manual_seed(0)
    ours = create_model("mildnet", widths=(2, 3, 4)).double()
    plain_one = copy.deepcopy(ours)
    x = torch.randn(2, 1, 16, 16, dtype=torch.float64)
    ours(x).square().sum().backward()
    with plain():
        plain_one(x).square().sum().backward()
    for (name, got), expected in zip(ours.named_parameters(), plain_one.parameters(), strict=True):
        torch.testing.assert_close(got.grad, expected.grad, rtol=1e-10, atol=1e-10, msg=name)
