"""Tags: believed while fresh, confirmed by one HEAD afterwards, served stale when upstream cannot say."""
import pytest

from harness import together
from http_client import wait_until

AT_ONCE = {"cache": {"freshness": "0"}}  # a tag that was confirmed is old at the next request


@pytest.fixture
def forgetful(make_mirror, fake):
    """A mirror that has to ask each time."""
    return make_mirror(fake.url, **AT_ONCE)


def image(fake, seed=1):
    return fake.image("team/app", "v1", seed=seed)[0]


def assert_stale(answer, manifest):
    assert (answer.status, answer.body) == (200, manifest.body)
    assert answer["warning"].startswith('299 - "') and len(answer["warning"]) < 4096
    assert answer["cache-status"].startswith("entrepot; hit") and "age" in answer


def test_a_fresh_tag_asks_nobody(mirror, fake):
    manifest = image(fake)
    for _ in range(10):
        assert mirror.get(manifest.tag_path).body == manifest.body
        assert mirror.head(manifest.tag_path).status == 200
    assert fake.asked() == [f"HEAD {manifest.tag_path}", f"GET {manifest.path}"]
    fake.stop()
    assert "warning" not in mirror.get(manifest.tag_path)


def test_an_old_tag_is_confirmed_by_one_head(forgetful, fake):
    manifest = image(fake)
    for _ in range(3):
        answer = forgetful.get(manifest.tag_path)
        assert answer.body == manifest.body and "warning" not in answer
    assert fake.asked() == [f"HEAD {manifest.tag_path}", f"GET {manifest.path}"] + 2 * [f"HEAD {manifest.tag_path}"]
    assert forgetful.stats()["revalidations"] == 2


def test_a_tag_grows_old(make_mirror, fake):
    mirror = make_mirror(fake.url, cache={"freshness": "300ms"})
    manifest = image(fake)

    def asked_again():
        assert mirror.get(manifest.tag_path).body == manifest.body
        return len(fake.requests(manifest.tag_path, "HEAD")) >= 3

    wait_until(asked_again, "the tag is confirmed again and again", 20)
    assert len(fake.requests(manifest.path, "GET")) == 1


def test_many_clients_of_an_old_tag_are_one_question(make_mirror, fake):
    mirror = make_mirror(fake.url, cache={"freshness": "0", "revalidatetimeout": "30s"})
    manifest = image(fake)
    mirror.get(manifest.tag_path)
    fake.forget()
    fake.fault(method="HEAD", path=manifest.tag_path, hold="head", times=1)
    connections = [mirror.connect() for _ in range(32)]
    for connection in connections:
        connection.send_request("GET", manifest.tag_path)
    fake.wait_requests(1, manifest.tag_path, "HEAD")
    # All of them have arrived when a later request of each connection's worker has been answered.
    for _ in range(8):
        mirror.get("/v2/")
    fake.release("head")
    for connection in connections:
        assert connection.read_answer().body == manifest.body
        connection.close()
    # A request that came after the answer asks again: a few may, not each.
    assert len(fake.requests(manifest.tag_path, "HEAD")) <= 4 and not fake.requests(manifest.tag_path, "GET")


def test_many_clients_of_a_cold_tag_are_one_question(mirror, fake):
    manifest = image(fake)
    fake.fault(method="HEAD", path=manifest.tag_path, delay_ms=300)
    answers = together([lambda: mirror.get(manifest.tag_path) for _ in range(32)])
    assert all(answer.body == manifest.body for answer in answers)
    assert len(fake.requests(manifest.tag_path)) == 1 and len(fake.requests(manifest.path)) == 1


def test_a_moved_tag_is_fetched_by_digest(forgetful, fake):
    old = image(fake, 1)
    assert forgetful.get(old.tag_path).body == old.body
    new = image(fake, 2)
    fake.forget()
    assert forgetful.get(new.tag_path).body == new.body
    assert fake.asked() == [f"HEAD {new.tag_path}", f"GET {new.path}"]
    assert forgetful.get(old.path).body == old.body  # the old one is still held by its digest
    again = image(fake, 1)
    fake.forget()
    assert forgetful.get(again.tag_path).body == old.body
    assert fake.asked() == [f"HEAD {old.tag_path}"], "what is held is not fetched again"


def test_a_head_request_sees_a_moved_tag(forgetful, fake):
    old = image(fake, 1)
    forgetful.get(old.tag_path)
    new = image(fake, 2)
    answer = forgetful.head(new.tag_path)
    assert (answer["docker-content-digest"], answer["content-length"]) == (new.digest, str(new.size))


def test_head_without_a_digest(forgetful, fake):
    """Only then is a GET by tag sent upstream."""
    manifest = image(fake)
    fake.fault(path=manifest.tag_path, headers={"Docker-Content-Digest": None})
    for _ in range(2):
        answer = forgetful.get(manifest.tag_path)
        assert (answer.body, answer["docker-content-digest"]) == (manifest.body, manifest.digest)
    assert f"GET {manifest.tag_path}" in fake.asked()


def test_head_is_not_allowed(mirror, fake):
    manifest = image(fake)
    fake.fault(method="HEAD", path="/manifests/", status=405)
    assert mirror.get(manifest.tag_path).body == manifest.body


# --- Upstream cannot say ---

def test_stale_when_upstream_is_down(forgetful, fake):
    manifest = image(fake)
    forgetful.get(manifest.tag_path)
    fake.stop()
    for _ in range(3):
        answer = forgetful.get(manifest.tag_path)
        assert_stale(answer, manifest)
        assert fake.name in answer["warning"]
    head = forgetful.head(manifest.tag_path)
    assert head.status == 200 and "warning" in head
    by_digest = forgetful.get(manifest.path)
    assert by_digest.body == manifest.body and "warning" not in by_digest, "a digest is never stale"
    forgetful.wait_stats(lambda stats: stats["stale"] == 4, "four answers were stale")
    forgetful.wait_event(fake.name, "team/app", "v1")


def test_stale_is_over_when_upstream_is_back(forgetful, fake):
    manifest = image(fake)
    forgetful.get(manifest.tag_path)
    fake.stop()
    assert_stale(forgetful.get(manifest.tag_path), manifest)
    fake.start()
    wait_until(lambda: "warning" not in forgetful.get(manifest.tag_path), "upstream confirms again", 20)


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"status": 429}, {"drop": True}, {"garbage": "nonsense\r\n\r\n"}],
                         ids=lambda fault: "-".join(str(part) for part in next(iter(fault.items()))).replace("\r\n", ""))
def test_stale_when_upstream_fails(forgetful, fake, fault):
    manifest = image(fake)
    forgetful.get(manifest.tag_path)
    fake.fault(path="/manifests/", **fault)
    assert_stale(forgetful.get(manifest.tag_path), manifest)


def test_a_slow_upstream_is_waited_for_only_so_long(make_mirror, fake):
    mirror = make_mirror(fake.url, cache={"freshness": "0", "revalidatetimeout": "300ms"})
    manifest = image(fake)
    mirror.get(manifest.tag_path)
    fake.fault(method="HEAD", path=manifest.tag_path, hold="head")
    assert_stale(mirror.get(manifest.tag_path), manifest)
    fake.release("head")


def test_what_goes_on_behind_is_not_lost(make_mirror, fake):
    """A slow confirmation that arrives after the stale answer counts for the next one."""
    mirror = make_mirror(fake.url, cache={"freshness": "0", "revalidatetimeout": "300ms"})
    mirror.get(image(fake, 1).tag_path)
    new = image(fake, 2)
    fake.fault(method="HEAD", path=new.tag_path, hold="head", times=1)
    assert "warning" in mirror.get(new.tag_path)
    fake.release("head")
    fake.wait_requests(1, new.path, "GET")
    wait_until(lambda: mirror.get(new.tag_path).body == new.body, "the new meaning", 20)


@pytest.mark.parametrize("status", [401, 403])
def test_upstream_denies(forgetful, fake, status):
    """Its word about this repository, also about what is held."""
    manifest = image(fake)
    forgetful.get(manifest.tag_path)
    fake.fault(path="/manifests/", status=status, body='{"errors":[{"code":"DENIED","message":"go away"}]}')
    answer = forgetful.get(manifest.tag_path)
    assert (answer.status, answer.error()) == (403, "DENIED") and fake.name in answer.message()


def test_a_removed_tag_is_served_for_a_while(forgetful, fake):
    manifest = image(fake)
    forgetful.get(manifest.tag_path)
    fake.remove_tag("team/app", "v1")
    assert_stale(forgetful.get(manifest.tag_path), manifest)


# --- Upstream is away from the start ---

def test_it_starts_with_upstream_down(make_mirror, fake):
    mirror = make_mirror(fake.url, **AT_ONCE)
    manifest, blobs = fake.image("team/app", "v1", layers=(100_000,))
    assert mirror.get(manifest.tag_path).status == 200
    for blob in blobs:
        mirror.assert_good(blob)
    mirror.wait_stats(lambda stats: stats["blobs"]["count"] == 2, "both blobs are kept")
    unheld, _ = fake.image("team/app", "v2", seed=9)
    fake.stop()
    mirror.restart()
    assert mirror.get("/v2/").status == 200
    assert_stale(mirror.get(manifest.tag_path), manifest)
    assert mirror.get(manifest.path).body == manifest.body
    for blob in blobs:
        assert mirror.assert_good(blob)["cache-status"] == "entrepot; hit"
    for path in (unheld.tag_path, unheld.path, f"/v2/team/app/blobs/{unheld.digest}"):
        answer = mirror.get(path)
        assert (answer.status, answer.error()) == (502, "UNAVAILABLE") and fake.name in answer.message()
    fake.start()
    fake.image("team/app", "v2", seed=9)
    assert mirror.get(unheld.path).body == unheld.body


def test_without_an_upstream_what_is_held_is_served(make_mirror, fake):
    mirror = make_mirror(fake.url)
    manifest, blobs = fake.image("team/app", "v1")
    mirror.get(manifest.tag_path)
    mirror.assert_good(blobs[1])
    mirror.wait_stats(lambda stats: stats["blobs"]["count"] == 1, "the blob is kept")
    mirror.stop()
    fake.forget()
    del mirror.config["proxy"]
    mirror.start()
    assert mirror.get(manifest.tag_path).body == mirror.get(manifest.path).body == manifest.body
    mirror.assert_good(blobs[1])
    assert mirror.get("/v2/team/app/tags/list").json()["tags"] == ["v1"]
    assert mirror.get(blobs[0].path).error() == "BLOB_UNKNOWN"
    answer = mirror.get(f"/v2/team/none/manifests/{manifest.digest}")
    assert (answer.status, answer.error()) == (404, "MANIFEST_UNKNOWN")
    assert fake.requests() == []
