"""The service gives the masks of `isthmus.predict`, and one line for what it cannot segment."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import isthmus
from isthmus.app.segmenter import Segmenter
from isthmus.app.served import load_runs
from isthmus.app.uploads import Limits
from isthmus.inference.predictor import Predictor
from isthmus.io.images import Source, read_image, read_mask

from .client import KNOWN, PNG, Client
from .images import SHAPE, claiming, file_of, noise


def saved(content: bytes, path: Path) -> np.ndarray:
    path.write_bytes(content)
    return read_mask(Source(path))


@pytest.mark.parametrize(
    ("name", "predicted"), [("cells", "image.png"), ("numbers", "image.tif")], ids=["classes", "objects"]
)
@pytest.mark.parametrize("shape", [SHAPE, (3, 40, 52), (1, 1, 1), (1, 7, 90)], ids=str)
def test_masks_are_those_of_predict(
    name: str,
    predicted: str,
    shape: tuple[int, ...],
    client: Client,
    folders: dict[str, Path],
    tmp_path: Path,
) -> None:
    sent = file_of(tmp_path, noise(shape))
    (tmp_path / "image.png").write_bytes(sent)
    isthmus.predict(folders[name], tmp_path / "image.png", tmp_path / "masks", geojson=True, device="cpu")
    expected = read_mask(Source(tmp_path / "masks" / predicted))
    assert shape[1:] == (1, 1) or 0 < np.count_nonzero(expected) < expected.size
    for kind, content_type in {"png": "image/png", "tiff": "image/tiff"}.items():
        found = client.predict(sent, f"run={name}&format={kind}")
        assert (found.status, found.headers["content-type"]) == (200, content_type)
        np.testing.assert_array_equal(saved(found.content, tmp_path / f"found.{kind}"), expected)
    outlines = client.predict(sent, f"run={name}&format=geojson")
    assert outlines.headers["content-type"] == "application/geo+json"
    assert outlines.content == (tmp_path / "masks" / "geojson" / "image.geojson").read_bytes()


@pytest.mark.parametrize(
    ("suffix", "content_type", "dtype"),
    [
        (".png", "image/png", "uint16"),
        (".tif", "image/tiff", "float32"),
        (".tif", "IMAGE/TIFF; x=y", "uint8"),
        (".jpg", "image/jpeg", "uint8"),
        (".bmp", "image/bmp", "uint8"),
    ],
)
def test_formats_of_pictures(
    suffix: str, content_type: str, dtype: str, client: Client, folders: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / f"image{suffix}"
    if suffix in (".jpg", ".bmp"):
        Image.fromarray(noise()[0]).save(path)
    else:
        path.write_bytes(file_of(tmp_path, noise(dtype=dtype), suffix))
    expected = Predictor.load(folders["cells"], device="cpu").mask(read_image(Source(path)))
    for found in (
        client.predict(path.read_bytes(), "run=cells", ("content-type", content_type)),
        client.predict(
            path.read_bytes(), f"run=cells&name=..%2Fb%20c{suffix.upper()}", ("content-type", "text/plain")
        ),
    ):
        assert found.status == 200, found.content
        np.testing.assert_array_equal(saved(found.content, tmp_path / "found.png"), expected)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "image/png"),
        ("image/tiff, image/png;q=0.9", "image/tiff"),
        ("text/html, application/geo+json;q=0.2", "application/geo+json"),
        ("image/png;q=0, image/*;q=0.1", "image/png"),
    ],
)
def test_the_header_accept_chooses_the_answer(
    accept: str, content_type: str, client: Client, tmp_path: Path
) -> None:
    found = client.predict(file_of(tmp_path, noise()), "run=cells", PNG, ("accept", accept))
    assert (found.status, found.headers["content-type"]) == (200, content_type)


def test_an_answer_that_is_not_made_is_refused(client: Client, tmp_path: Path) -> None:
    image = file_of(tmp_path, noise())
    found = client.predict(image, "run=cells", PNG, ("accept", "text/html, image/png;q=0"))
    assert found.status == 406
    assert "image/png" in found.error
    found = client.predict(image, "run=cells&format=bmp")
    assert found.status == 422
    assert found.error.startswith("format: ")


def test_runs_say_what_they_predict(client: Client) -> None:
    cells, numbers = client.get("/api/runs").json()
    assert cells == {
        "name": "cells",
        "classes": ["background", "cell"],
        "values": {"0": "background", "255": "cell"},
        "channels": 1,
        "objects": False,
    }
    assert (numbers["name"], numbers["objects"], numbers["values"]) == ("numbers", True, {})


def test_a_run_is_chosen_by_name(client: Client, folders: dict[str, Path], tmp_path: Path) -> None:
    image = file_of(tmp_path, noise())
    unknown, none = client.predict(image, "run=cels"), client.predict(image)
    assert (unknown.status, none.status) == (404, 422)
    assert "did you mean 'cells'" in unknown.error
    assert "cells, numbers" in none.error
    with Segmenter(load_runs([str(folders["cells"])], device="cpu")) as alone:
        assert Client(alone).predict(image).content == client.predict(image, "run=cells").content


def pages(tmp_path: Path) -> bytes:
    return file_of(tmp_path, noise((1, 6, 20, 20)), ".tif")


BROKEN = {
    "empty": (lambda _: b"", ".png"),
    "text": (lambda _: b"GET / HTTP/1.1", ".png"),
    "a pixel short": (lambda at: file_of(at, noise())[:-30], ".png"),
    "half": (lambda at: file_of(at, noise())[:200], ".png"),
    "half a TIFF": (lambda at: file_of(at, noise(), ".tif")[:150], ".tif"),
    "a TIFF's head": (lambda at: file_of(at, noise(), ".tif")[:9], ".tif"),
    "another format": (lambda at: file_of(at, noise(), ".tif"), ".png"),
    "not numbers": (lambda at: file_of(at, np.full((1, 8, 8), np.nan, np.float32), ".tif"), ".tif"),
    "pages": (pages, ".tif"),
    "channels": (lambda at: file_of(at, noise((4, 9, 9)), ".tif"), ".tif"),
    "no pixels": (lambda _: claiming(5, 5), ".png"),
    "no size": (lambda _: claiming(0, 5), ".png"),
    "a bomb": (lambda _: claiming(50_000, 50_000), ".png"),
    "a zip": (lambda _: b"PK\x03\x04" + bytes(99), ".jpg"),
    "a script": (lambda _: b"#!/bin/sh\ntouch executed\n", ".bmp"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_image_that_cannot_be_segmented_is_one_line_without_a_path(
    kind: str, client: Client, segmenter: Segmenter, folders: dict[str, Path], tmp_path: Path
) -> None:
    make, suffix = BROKEN[kind]
    found = client.predict(make(tmp_path), f"run=cells&name=a{suffix}")
    assert found.status == 422, found.content
    assert found.error
    for place in (segmenter._folder.name, str(folders["cells"].parent), "/tmp", "site-packages"):
        assert place not in found.error
    assert client.predict(file_of(tmp_path, noise()), "run=cells").status == 200


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.nii.gz", "application/gzip"),
        ("a.csv", "text/csv"),
        ("png", ""),
        ("", "image"),
        (None, "application/x-www-form-urlencoded"),
        (None, "multipart/form-data; boundary=x"),
        (None, ""),
    ],
)
def test_what_names_no_format_of_pictures_is_refused(
    name: str | None, content_type: str, client: Client
) -> None:
    query = "run=cells" if name is None else f"run=cells&name={name}"
    found = client.predict(b"x", query, ("content-type", content_type))
    assert found.status == 415
    assert ".png" in found.error


def test_notes_say_how_each_image_differs_from_those_of_training(tmp_path: Path) -> None:
    flat = np.full((1, 64, 64), 128, np.uint8)
    flat[0, ::2] += 1
    alone = Predictor.load("nuclei", device="cpu")
    alone.predict(flat)
    assert alone.notes
    with Segmenter(load_runs(["nuclei"], device="cpu")) as segmenter:
        client = Client(segmenter)
        for _ in range(2):
            found = client.predict(file_of(tmp_path, flat))
            assert json.loads(found.headers["isthmus-notes"]) == alone.notes


def test_what_fails_for_no_known_reason_tells_nothing_and_stops_no_other(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = file_of(tmp_path, noise())

    def fails(*_: object) -> None:
        raise RuntimeError("a secret of /home/user")

    answers = []
    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "predict", fails)
        app = client.app

        async def kept(scope: object, receive: object, send: object) -> None:
            async def sends(message: object) -> None:
                answers.append(message)
                await send(message)

            await app(scope, receive, sends)

        with pytest.raises(RuntimeError):  # for the server, which writes it to the terminal
            Client(kept).predict(image, "run=cells")
    assert answers[0]["status"] == 500
    assert b"secret" not in answers[1]["body"]
    assert json.loads(answers[1]["body"])["error"]
    assert client.predict(image, "run=cells").status == 200


def test_a_shortage_of_memory_is_the_image_s_fault(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory")

    monkeypatch.setattr(Predictor, "predict", fails)
    found = client.predict(file_of(tmp_path, noise()), "run=cells")
    assert found.status == 413
    assert "memory" in found.error


def test_the_description_names_every_part(client: Client) -> None:
    described = client.get("/api/openapi.json").json()
    assert set(described["paths"]) == {"/api/health", "/api/runs", "/api/predict"}
    predict = described["paths"]["/api/predict"]["post"]
    assert set(predict["responses"]["200"]["content"]) == {"image/png", "image/tiff", "application/geo+json"}
    assert "image/png" in predict["requestBody"]["content"]
    assert {each["name"] for each in predict["parameters"]} == {"run", "format", "name"}
    assert [each["HTTPBearer"] for each in predict["security"]] == [[]]
    assert "security" not in described["paths"]["/api/health"]["get"]


def test_other_paths_and_methods_are_one_line(client: Client) -> None:
    assert client.get("/").status == 404
    assert client.get("/docs").status == 404
    assert client.get("/api/predict").status == 405
    assert client.get("/api/predict").error.startswith("Method Not Allowed")


def test_limits_are_checked_before_anything_is_decoded(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus.app.uploads.load_image", None)
    with Segmenter(load_runs([str(folders["cells"])], device="cpu"), Limits(pixels=10_000)) as segmenter:
        client = Client(segmenter)
        for image, name in (
            (claiming(20_000, 20_000), "a.png"),
            (claiming(1, 10_001), "a.png"),
            (tiff_of(noise((16, 16)), tile=(512, 512), compression="deflate"), "a.tif"),
            (tiff_of(noise((90, 90, 20)), photometric="rgb", extrasamples=[2] * 17), "a.tif"),
        ):
            found = client.predict(image, f"name={name}")
            assert found.status == 413, found.content
            assert "at most 10,000 are accepted" in found.error


def tiff_of(pixels: np.ndarray, **how: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **how)
    return file.getvalue()


def test_health_says_that_it_is_up_and_nothing_else(client: Client) -> None:
    found = client.get("/api/health", KNOWN[:1])
    assert (found.status, found.json()) == (200, {"status": "up"})
