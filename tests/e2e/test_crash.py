"""kill -9 at random moments under load: never a wrong byte, never a blob that is known but missing."""
import hashlib
import random
import threading
import time

from harness import MIB, SANITIZED, SLOW, number
from http_client import Connection, CutShort

KILLS = number("E2E_KILLS", 5 if SANITIZED else 20)
LARGEST = number("E2E_CRASH_MIB", 64) * MIB
CHAPTER = 20  # kills; then everything is looked at, and a new folder begins: bounds memory and disk
CLIENTS = 6
RATE = LARGEST  # bytes a second from upstream, so that kills hit fills


class Load:
    """Clients that ask for random things until they are stopped, and check every byte they get."""

    def __init__(self, mirror, seed):
        self.mirror = mirror
        self.things = []  # (path, digest)
        self.ended = threading.Event()
        self.wrong = []
        self.complete = self.cut = 0
        self.threads = [threading.Thread(target=self._run, args=(random.Random(f"{seed}-{i}"),), daemon=True) for i in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, rng):
        while not self.ended.is_set():
            if not self.things:
                self.ended.wait(0.01)
                continue
            # The newest most often: those are still being filled.
            path, digest = rng.choice(self.things[-5:] if rng.random() < 0.7 else self.things)
            try:
                self._ask(path, digest)
            except (OSError, CutShort):
                self.cut += 1  # it was killed under us
                self.ended.wait(0.005)

    def _ask(self, path, digest):
        hash_, start = hashlib.sha256(), bytearray()

        def take(piece):
            hash_.update(piece)
            if len(start) < 1000:
                start.extend(piece[:1000])

        with Connection(self.mirror.address, 60 * SLOW) as connection:
            answer = connection.get(path, sink=take)
        if not answer.complete:
            self.cut += 1
        elif answer.status != 200 or "sha256:" + hash_.hexdigest() != digest:
            self.wrong.append((path, answer, bytes(start)))
        else:
            self.complete += 1

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(120 * SLOW)
            assert not thread.is_alive(), "a client hangs"


def chapter(make_mirror, make_fake, seed, kills):
    rng = random.Random(seed)
    fake = make_fake()
    mirror = make_mirror(fake.url)
    fake.fault(method="GET", path="/blobs/", rate=RATE)
    blobs, manifests = [], []
    load = Load(mirror, seed)
    try:
        for kill in range(kills):
            # A large one, and two of any order of magnitude.
            sizes = [int(LARGEST * rng.uniform(0.3, 1))] + [int(1000 * (LARGEST / 1000) ** rng.random()) for _ in range(2)]
            manifest, parts = fake.image("team/app", f"v{kill}", layers=sizes, seed=seed * 1000 + kill)
            blobs += parts
            manifests.append(manifest)
            load.things += [(manifest.tag_path, manifest.digest)] + [(blob.path, blob.digest) for blob in parts]
            time.sleep(rng.random() * 0.4)  # the random moment
            mirror.kill()
            mirror.start()
    finally:
        load.stop()
    assert load.wrong == []
    assert load.complete > kills, "there was no load"
    mirror.kill()
    mirror.start()

    # Upstream is gone: what is known is there and right, and the rest is a clear error.
    fake.stop()
    known = mirror.wait_stats(lambda stats: stats["blobs"]["count"] > 0, "the blobs are counted")["blobs"]["count"]
    held = 0
    for blob in blobs:
        answer, digest = mirror.get_digest(blob)
        assert answer.complete and answer.status in (200, 502), answer
        assert answer.status == 502 or digest == blob.digest, answer
        # A partial file that was whole when the kill came is served too, but was not known before.
        held += answer.status == 200 and answer["cache-status"] == "entrepot; hit"
    assert held == known, "a blob is known but missing"
    for manifest in manifests:
        answer = mirror.get(manifest.path)
        assert answer.status == 502 or answer.body == manifest.body

    fake.start()
    for blob in blobs:
        mirror.assert_good(blob)
    mirror.wait_stats(lambda stats: stats["blobs"]["count"] == len(blobs), "everything is kept in the end")
    assert mirror.files("partial") == [] and len(mirror.files("blobs")) == len(blobs)
    resumed = (mirror.folder / "mirror.log").read_text().count("a fill goes on from its partial file")
    mirror.close()
    fake.stop()
    return load, resumed


def test_random_kills_under_load(make_mirror, make_fake, capsys):
    began = time.monotonic()
    complete = cut = resumed = 0
    for seed, first in enumerate(range(0, KILLS, CHAPTER)):
        load, partials = chapter(make_mirror, make_fake, seed, min(CHAPTER, KILLS - first))
        complete += load.complete
        cut += load.cut
        resumed += partials
    assert resumed > 0, "no kill hit a fill"
    with capsys.disabled():
        print(f"\n  {KILLS} kills: {complete} answers right, {cut} cut, 0 wrong, {resumed} fills resumed, {time.monotonic() - began:.0f} s")
