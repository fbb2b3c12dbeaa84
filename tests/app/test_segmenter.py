"""Who waits, who is refused, and what becomes of the work for those who leave; the network is held by hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from isthmus.app.segmenter import Segmenter
from isthmus.app.served import load_runs
from isthmus.app.together import Together
from isthmus.app.uploads import Limits
from isthmus.inference.predictor import Predictor
from isthmus.io.images import Source, read_mask

from .client import Client, Received
from .images import file_of, noise


class Held:
    """An engine that computes only when it is let."""

    def __init__(self, engine: object) -> None:
        self.engine = engine
        self.entered, self.let = threading.Semaphore(0), threading.Semaphore(0)
        self.calls: list[int] = []

    def __call__(self, batch: np.ndarray) -> object:
        self.calls.append(len(batch))
        self.entered.release()
        self.let.acquire()
        return self.engine(batch)

    async def is_entered(self) -> None:
        await asyncio.to_thread(self.entered.acquire)


def together_of(segmenter: Segmenter) -> Together:
    found = segmenter.runs[0].predictor.network.engine
    assert isinstance(found, Together)
    return found


def end(segmenter: Segmenter) -> None:
    """Lets the threads finish what they do."""
    segmenter._workers.shutdown()
    segmenter._network.shutdown()


def hold(segmenter: Segmenter) -> Held:
    together = together_of(segmenter)
    together.engine = held = Held(together.engine)
    return held


@pytest.fixture
def small(folders: dict[str, Path]) -> Iterator[Segmenter]:
    """Two places."""
    with Segmenter(load_runs([str(folders["cells"])], device="cpu"), Limits(places=2)) as made:
        yield made
        assert not list(Path(made._folder.name).iterdir())


@pytest.fixture
def image(tmp_path: Path) -> bytes:
    return file_of(tmp_path, noise((1, 32, 32)))


def test_who_finds_no_place_is_told_at_once(small: Segmenter, image: bytes) -> None:
    held, client = hold(small), Client(small)

    async def crowd() -> list[Received]:
        first = asyncio.create_task(client.send([image]))
        await held.is_entered()
        second = asyncio.create_task(client.send([], stalls=True))  # has not sent a byte
        while small._free:
            await asyncio.sleep(0)
        third = await client.send([image])
        second.cancel()
        held.let.release(2)
        return [third, await first, await client.send([image])]

    refused, first, later = asyncio.run(crowd())
    assert (refused.status, first.status, later.status) == (429, 200, 200)
    assert int(refused.headers["retry-after"]) >= 1
    assert "2 places" in refused.error
    assert refused.chunks_taken == 0


def test_work_for_a_client_that_left_while_waiting_is_never_done(small: Segmenter, image: bytes) -> None:
    held, client = hold(small), Client(small)

    async def story() -> list[Received]:
        first = asyncio.create_task(client.send([image]))
        await held.is_entered()
        leave = asyncio.Event()
        second = asyncio.create_task(client.send([image], leave=leave))
        while small._free:
            await asyncio.sleep(0)
        leave.set()
        gone = await second  # while the first still computes
        assert not first.done()
        assert small._free == 1
        held.let.release()
        return [await first, gone]

    first, gone = asyncio.run(story())
    assert (first.status, gone.status) == (200, 0)
    end(small)
    assert held.calls == [1]


def test_the_network_stops_at_the_next_batch_once_the_client_has_left(
    small: Segmenter, tmp_path: Path
) -> None:
    held, client = hold(small), Client(small)
    large = file_of(tmp_path, noise((1, 2000, 2000)))
    leave = asyncio.Event()

    async def story() -> Received:
        task = asyncio.create_task(client.send([large], leave=leave))
        await held.is_entered()
        leave.set()
        found = await task
        held.let.release(100)
        return found

    assert asyncio.run(story()).status == 0
    end(small)
    assert len(held.calls) == 1


def test_a_client_that_leaves_or_stalls_while_it_sends_gives_its_place_back(
    folders: dict[str, Path], image: bytes
) -> None:
    limits = Limits(places=1, patience=0.0)
    with Segmenter(load_runs([str(folders["cells"])], device="cpu"), limits) as segmenter:
        client = Client(segmenter)
        stalled = asyncio.run(client.send([image[:100]], stalls=True))
        assert stalled.status == 408
        assert segmenter._free == 1
    with Segmenter(load_runs([str(folders["cells"])], device="cpu"), Limits(places=1)) as segmenter:
        client = Client(segmenter)

        async def leaves() -> Received:
            leave = asyncio.Event()
            leave.set()
            return await client.send([image[:100]], leave=leave, stalls=True)

        assert asyncio.run(leaves()).status == 0
        assert segmenter._free == 1
        assert client.predict(image).status == 200


def test_images_of_one_size_that_wait_go_through_together(segmenter: Segmenter, tmp_path: Path) -> None:
    together, client = together_of(segmenter), Client(segmenter)
    sizes = [(32, 32), (16, 32), (32, 32), (16, 32)]
    files = [file_of(tmp_path, noise((1, *size), seed)) for seed, size in enumerate(sizes)]
    alone = [client.predict(file, "run=cells").content for file in files]
    assert len(set(alone)) == 4
    together._agree[((1, 1, 32, 32),) * 3] = True  # on whatever machine this is
    held = hold(segmenter)

    async def story() -> list[Received]:
        tasks = [asyncio.create_task(client.send([files[0]], "run=cells"))]
        await held.is_entered()
        for file in files[1:]:
            tasks.append(asyncio.create_task(client.send([file], "run=cells")))
            while len(together._waiting) < len(tasks) - 1:
                await asyncio.sleep(0)
        held.let.release(9)
        return await asyncio.gather(*tasks)

    found = asyncio.run(story())
    assert held.calls == [1, 3]  # small ones are padded to a patch
    assert [each.content for each in found] == alone


def test_each_client_gets_its_own_mask(
    segmenter: Segmenter, folders: dict[str, Path], tmp_path: Path
) -> None:
    client = Client(segmenter)
    images = [noise((1, 24 + 8 * (seed % 3), 40), seed) for seed in range(24)]
    files = [file_of(tmp_path, image) for image in images]

    async def crowd() -> list[Received]:
        return await asyncio.gather(
            *(
                client.send([file], f"run={('cells', 'numbers')[index % 2]}")
                for index, file in enumerate(files)
            )
        )

    alone = [Predictor.load(folders[name], device="cpu") for name in ("cells", "numbers")]
    for index, found in enumerate(asyncio.run(crowd())):
        path = tmp_path / "found.png"
        path.write_bytes(found.content)
        np.testing.assert_array_equal(read_mask(Source(path)), alone[index % 2].mask(images[index]))


def test_its_folder_is_private_and_ends_with_it(folders: dict[str, Path]) -> None:
    with Segmenter(load_runs([str(folders["cells"])], device="cpu")) as segmenter:
        folder = Path(segmenter._folder.name)
        assert folder.stat().st_mode & 0o077 == 0
        with segmenter.place() as own:
            (own / "image.png").write_bytes(b"x")
    assert not folder.exists()
