"""Pre-trained weights: adapted, found, checked, and refused when they do not fit."""

from __future__ import annotations

import hashlib
import http.server
import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from isthmus.errors import IsthmusError
from isthmus.networks import (
    UNet,
    create_encoder,
    find_weights,
    initialise,
    load_encoder_weights,
)
from isthmus.networks.encoders.weights import adapt_filters

from ..variants import fill, image, narrow_encoders


@pytest.fixture(autouse=True)
def _narrow(tmp_path):
    """Small encoders, and a folder of downloads that is not the user's."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(tmp_path / "hub")
    with narrow_encoders():
        yield
    torch.hub.set_dir(before)


def file_of(name, path, *, classifier=True, **changes):
    """A file as torchvision's: an encoder's tensors and a classifier's; returns the encoder."""
    encoder = fill(create_encoder(name))
    state = {key: tensor for key, tensor in encoder.state_dict().items() if "num_batches" not in key}
    if classifier:
        state[f"{encoder.classifier}weight"] = torch.zeros(10, 3)
    state |= changes
    state = {key: tensor for key, tensor in state.items() if tensor is not None}
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return encoder.eval()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", ["vgg16", "vgg16_bn", "resnet34", "resnet50", "densenet121"])
def test_loads_every_tensor_and_ignores_the_classifier(name, suffix, tmp_path):
    source = file_of(name, tmp_path / f"weights{suffix}")
    encoder = create_encoder(name, weights=tmp_path / f"weights{suffix}").eval()
    x = image(1, 3, 32, 32)
    for ours, theirs in zip(encoder(x), source(x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_reads_the_names_of_torchvisions_first_densenets(tmp_path):
    source = fill(create_encoder("densenet121"))
    old = {}
    for key, tensor in source.state_dict().items():
        for part in ("norm", "conv"):
            for n in "12":
                if "denselayer" in key:
                    key = key.replace(f"{part}{n}.", f"{part}.{n}.")
        old[key] = tensor
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save({"state_dict": old, "epoch": 90}, tmp_path / "old.pth")
    encoder = create_encoder("densenet121", weights=tmp_path / "old.pth")
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7])
def test_the_first_convolution_takes_any_number_of_channels(channels, tmp_path):
    """A grey image in all channels gives the features that it gives as RGB."""
    source = file_of("resnet34", tmp_path / "w.pth").double()
    encoder = create_encoder("resnet34", in_channels=channels, weights=tmp_path / "w.pth").eval().double()
    grey = image(1, 1, 32, 32).double()
    for ours, theirs in zip(
        encoder(grey.expand(-1, channels, -1, -1)), source(grey.expand(-1, 3, -1, -1)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)  # the file is in float32


def test_a_file_for_as_many_channels_is_taken_as_it_is(tmp_path):
    five = fill(create_encoder("vgg16", in_channels=5))
    torch.save(five.state_dict(), tmp_path / "five.pth")
    encoder = create_encoder("vgg16", in_channels=5, weights=tmp_path / "five.pth")
    assert torch.equal(encoder.features[0].weight, five.features[0].weight)


@given(channels=st.integers(1, 12), kernel=st.integers(1, 3))
def test_adapted_filters_keep_their_sum_and_their_colours(channels, kernel):
    rgb = image(4, 3, kernel, kernel).double()
    adapted = adapt_filters(rgb, channels)
    assert adapted.shape == (4, channels, kernel, kernel)
    torch.testing.assert_close(adapted.sum(1), rgb.sum(1))
    if channels >= 3:
        for colour in range(3):
            torch.testing.assert_close(adapted[:, colour::3].sum(1), rgb[:, colour])
            for copy in range(colour, channels, 3):
                torch.testing.assert_close(adapted[:, copy], adapted[:, colour])


def test_initialising_a_network_leaves_loaded_weights_alone(tmp_path):
    source = file_of("vgg16", tmp_path / "w.pth")
    one, two = (
        initialise(
            UNet(encoder="vgg16_centre", encoder_weights=tmp_path / "w.pth", widths=(2,) * 5), seed=seed
        )
        for seed in (1, 2)
    )
    expected = adapt_filters(source.features[0].weight.detach(), 1)
    assert torch.equal(one.encoder.features[0].weight, expected)
    assert torch.equal(one.encoder.features[2].weight, source.features[2].weight)
    assert torch.equal(one.encoder.features[2].weight, two.encoder.features[2].weight)
    centre = [network.encoder.centre[1][0].weight for network in (one, two)]
    assert not torch.equal(*centre)  # which is in no file
    assert not torch.equal(one.head.weight, two.head.weight)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"layer1.0.conv1.weight": None}, "missing: layer1.0.conv1.weight"),
        (
            {"conv1.weight": torch.zeros(4, 4, 7, 7)},
            "of another shape: conv1.weight (4, 4, 7, 7) for (4, 3, 7, 7)",
        ),
        (
            {"conv1.weight": torch.zeros(4, 3, 3, 3)},
            "of another shape: conv1.weight (4, 3, 3, 3) for (4, 3, 7, 7)",
        ),
        ({"conv1.weight": torch.zeros(())}, "of another shape: conv1.weight () for"),
        ({"head.weight": torch.zeros(2)}, "unknown: head.weight"),
        ({f"x{i}": torch.zeros(2) for i in range(5)}, "unknown: x0, x1, x2 and 2 more"),
    ],
)
def test_says_which_tensors_do_not_fit_and_changes_nothing(changes, says, tmp_path):
    file_of("resnet34", tmp_path / "w.pth", **changes)
    encoder = create_encoder("resnet34")
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    with pytest.raises(IsthmusError) as error:
        load_encoder_weights(encoder, tmp_path / "w.pth")
    assert says in str(error.value)
    assert str(tmp_path / "w.pth") in str(error.value)
    assert "\n" not in str(error.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.state_dict().items())


def test_weights_of_another_encoder_are_named(tmp_path):
    file_of("vgg16", tmp_path / "vgg.pth")
    with pytest.raises(IsthmusError, match=r"missing: bn1.bias.* and \d+ more; unknown: features.0.weight"):
        create_encoder("resnet34", weights=tmp_path / "vgg.pth")


class _Code:
    """Code that a file must not be able to run."""

    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    "content",
    [b"", b"not weights", b"\x80\x02garbage", {"a": 1}, [1, 2], {"conv1.weight": _Code()}, torch.zeros(3)],
    ids=["empty", "text", "broken", "numbers", "list", "code", "tensor"],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_holds_no_weights_is_refused(content, suffix, tmp_path, capsys):
    path = tmp_path / f"w{suffix}"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(IsthmusError) as error:
        create_encoder("resnet34", weights=path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


@pytest.fixture
def server(tmp_path):
    """A web server with ``weights.pth``; it notes every request."""
    folder = tmp_path / "served"
    folder.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def log_message(self, *_):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        source = file_of("resnet34", folder / "weights.pth")
        digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()
        yield f"http://127.0.0.1:{running.server_port}/weights.pth", digest, asked, source
        running.shutdown()
        thread.join()


def kept(tmp_path):
    return sorted(path.name for path in (tmp_path / "hub").rglob("*") if path.is_file())


def test_a_url_is_fetched_only_when_a_call_allows_it(server, tmp_path):
    url, digest, asked, source = server
    with pytest.raises(IsthmusError) as error:
        create_encoder("resnet34", weights=f"{url}#sha256={digest}")
    assert "download=True" in str(error.value)
    assert str(tmp_path / "hub" / "checkpoints" / "weights.pth") in str(error.value)
    assert not asked
    assert not kept(tmp_path)

    encoder = create_encoder("resnet34")
    load_encoder_weights(encoder, f"{url}#sha256={digest}", download=True)
    assert torch.equal(encoder.conv1.weight, source.conv1.weight)
    assert kept(tmp_path) == ["weights.pth"]
    again = create_encoder("resnet34", weights=f"{url}#sha256={digest.upper()}")
    assert torch.equal(again.conv1.weight, source.conv1.weight)
    assert len(asked) == 1


def test_what_arrives_with_another_hash_is_not_kept(server, tmp_path):
    url, _, asked, _ = server
    with pytest.raises(IsthmusError, match="does not have the stated SHA-256; it was not stored"):
        find_weights(f"{url}#sha256={'0' * 64}", download=True)
    assert len(asked) == 1
    assert not kept(tmp_path)


def test_a_file_here_with_another_hash_is_refused(server, tmp_path):
    url, digest, asked, _ = server
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "weights.pth").write_bytes(b"other")
    with pytest.raises(IsthmusError, match="does not have the SHA-256"):
        find_weights(f"{url}#sha256={digest}", download=True)
    assert not asked


def test_a_download_that_fails_leaves_nothing(server, tmp_path):
    url, digest, _, _ = server
    with pytest.raises(IsthmusError, match="could not download"):
        find_weights(f"{url}.missing#sha256={digest}", download=True)
    with pytest.raises(IsthmusError, match="could not download"):
        find_weights(f"http://127.0.0.1:1/weights.pth#sha256={digest}", download=True)
    assert not kept(tmp_path)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("missing.pth", "no file of encoder weights at missing.pth"),
        ("https://example.org/w.pth", "#sha256="),
        ("https://example.org/w.pth#sha256=12", "#sha256="),
        (f"https://example.org/w.pth#md5={'0' * 64}", "#sha256="),
        (f"ftp://example.org/w.pth#sha256={'0' * 64}", "https://"),
        (f"file:///etc/hosts#sha256={'0' * 64}", "https://"),
        (f"https://example.org/#sha256={'0' * 64}", "https://"),
        (7, "7"),
    ],
)
def test_a_source_that_is_neither_file_nor_url_with_a_hash(source, says):
    with pytest.raises(IsthmusError) as error:
        find_weights(source)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
