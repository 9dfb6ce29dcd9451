"""GET /stats: the figures are true, and they add up."""
import pytest

from harness import MIB, together


def settled(mirror, requests):
    """The figures once `requests` requests are counted: that happens when their answers have gone."""
    return mirror.wait_stats(lambda stats: stats["requests"] == requests and not stats["fills"], f"{requests} requests are counted")


def assert_adds_up(stats):
    figures = stats["bytes"]
    assert figures["served"] == sum(figures[kind] for kind in ("hit", "miss", "coalesced", "passed_through"))
    assert figures["saved"] == figures["served"] - figures["fetched"]
    answered = sum(stats[kind] for kind in ("hits", "misses", "coalesced", "passed_through"))
    assert stats["requests"] >= answered
    if answered:
        assert stats["hit_ratio"]["requests"] == pytest.approx(stats["hits"] / answered)
    if figures["served"]:
        assert stats["hit_ratio"]["bytes"] == pytest.approx(figures["hit"] / figures["served"])


def test_before_the_first_request(mirror, fake):
    stats = mirror.stats()
    assert stats["requests"] == 0 and set(stats["bytes"].values()) == {0}
    assert stats["fills"] == [] and stats["errors"] == {} and stats["blobs"] == {"count": 0, "bytes": 0}
    assert stats["upstream"] == {"name": fake.name, "url": fake.url, "requests_by_status": {}}
    assert_adds_up(stats)


def test_a_miss_then_a_hit(mirror, fake):
    manifest, (config, layer) = fake.image("team/app", "v1", layers=(3 * MIB,))
    size = manifest.size + config.size + layer.size

    def pull():
        for target in (manifest.tag_path, config.path, layer.path):
            assert mirror.get(target).status == 200

    pull()
    stats = settled(mirror, 3)
    assert_adds_up(stats)
    assert (stats["hits"], stats["misses"]) == (0, 3)
    assert stats["bytes"]["miss"] == stats["bytes"]["fetched"] == fake.body_sent() == size
    assert stats["blobs"] == {"count": 2, "bytes": config.size + layer.size}
    assert stats["upstream"]["requests_by_status"] == {"200": 4}  # HEAD of the tag, and three GETs
    for _ in range(2):
        pull()
    stats = settled(mirror, 9)
    assert_adds_up(stats)
    assert (stats["hits"], stats["misses"], stats["bytes"]["hit"], stats["bytes"]["fetched"]) == (6, 3, 2 * size, size)
    assert stats["bytes"]["saved"] == 2 * size


def test_coalesced(mirror, fake):
    blob = fake.blob("team/app", 2 * MIB)
    fake.fault(path=blob.path, hold="head")
    connections = [mirror.connect() for _ in range(8)]
    for connection in connections:
        connection.send_request("GET", blob.path)
    # Those that come after the release would be hits.
    mirror.wait_stats(lambda stats: stats["fills"], "the fill runs")
    fake.release("head")
    for connection in connections:
        assert connection.read_answer().digest() == blob.digest
        connection.close()
    stats = settled(mirror, 8)
    assert_adds_up(stats)
    assert stats["misses"] == 1 and stats["coalesced"] + stats["hits"] == 7
    assert stats["bytes"]["served"] == 8 * blob.size and stats["bytes"]["fetched"] == blob.size
    assert stats["bytes"]["saved"] == 7 * blob.size


def test_what_is_passed_through(mirror, fake):
    fake.image("team/app", "v1")
    body = mirror.get("/v2/team/app/tags/list").body
    stats = settled(mirror, 1)
    assert_adds_up(stats)
    assert (stats["passed_through"], stats["bytes"]["passed_through"]) == (1, len(body))


def test_retries_are_fetched_bytes_too(mirror, fake):
    blob = fake.blob("team/app", 4 * MIB)
    fake.fault(method="GET", path=blob.path, cut_after=MIB, times=1)
    fake.fault(method="GET", path=blob.path, ignore_range=True)
    mirror.assert_good(blob)
    stats = settled(mirror, 1)
    assert_adds_up(stats)
    assert stats["bytes"]["fetched"] == fake.body_sent() == 5 * MIB
    assert stats["bytes"]["saved"] == -MIB


def test_errors_by_kind(mirror, fake):
    fake.image("team/app", "v1")
    mirror.get("/v2/team/app/manifests/none")
    fake.fault(path="/v2/", status=500)
    mirror.get("/v2/team/app/manifests/other")
    stats = settled(mirror, 2)
    assert len(stats["errors"]) == 2 and set(stats["errors"].values()) == {1}, stats["errors"]
    assert stats["upstream"]["requests_by_status"]["500"] >= 1
    assert_adds_up(stats)


def test_a_cut_answer_counts_what_was_sent(mirror, fake):
    blob = fake.blob("team/app", 8 * MIB)
    fake.fault(path=blob.path, corrupt_at=8 * MIB - 1)
    answer = mirror.get(blob.path)
    stats = settled(mirror, 1)
    assert_adds_up(stats)
    assert len(answer.body) <= stats["bytes"]["served"] < blob.size
    assert stats["blobs"]["count"] == 0


def test_figures_add_up_after_a_storm(mirror, fake):
    images = [fake.image(f"team/app{i}", "v1", layers=(200_000, 5000), seed=i) for i in range(6)]

    def client(number):
        for manifest, blobs in images[number % 3:] + images[:number % 3]:
            assert mirror.get(manifest.tag_path).status == 200
            for blob in blobs:
                mirror.assert_good(blob)
            mirror.get(blobs[1].path, {"Range": "bytes=10-99"})
            mirror.get("/v2/none/manifests/x")

    together([lambda number=number: client(number) for number in range(12)])
    stats = settled(mirror, 12 * 6 * 6)
    assert_adds_up(stats)
    assert stats["bytes"]["fetched"] == fake.body_sent()
    assert stats["blobs"]["count"] == len(mirror.files("blobs"))


def test_blobs_are_counted_across_a_restart(mirror, fake):
    _, blobs = fake.image("team/app", "v1", layers=(1000, 2000))
    for blob in blobs:
        mirror.assert_good(blob)
    before = mirror.wait_stats(lambda stats: stats["blobs"]["count"] == 3, "all are kept")["blobs"]
    mirror.restart()
    mirror.wait_stats(lambda stats: stats["blobs"] == before, "they are counted again")


# --- The debug address ---

def debug_get(mirror, target, headers=(), **more):
    from http_client import fetch
    return fetch(mirror.debug_address, target, headers, **more)


def test_healthz(mirror):
    assert debug_get(mirror, "/healthz").status == 200
    assert debug_get(mirror, "/healthz", method="HEAD").status == 200
    assert debug_get(mirror, "/nothing").status == 404
    refused = debug_get(mirror, "/stats", method="POST")
    assert (refused.status, refused["allow"]) == (405, "GET, HEAD")
    assert debug_get(mirror, "/v2/").status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5001", "localhost.evil.example", "127.0.0.1.evil.example", "x@127.0.0.1", ""])
def test_a_foreign_host_is_refused(mirror, host):
    """A page in a browser must not read this through a name of its own that resolves to here (DNS rebinding)."""
    answer = debug_get(mirror, "/stats", {"Host": host})
    assert answer.status in (400, 403) and b"requests" not in answer.body


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:1", "localhost", "LOCALHOST:5001", "[::1]", "[::1]:5001", "stats.example", "Stats.Example:80"])
def test_its_own_names_are_not(make_mirror, host):
    mirror = make_mirror(http={"debug": {"names": ["stats.example"]}})
    assert debug_get(mirror, "/stats", {"Host": host}).status == 200
