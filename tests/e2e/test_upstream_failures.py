"""Whatever upstream does: a clear error in time, a log line that names it, nothing wrong kept, and the next request
tries again."""
import json
import time

import pytest

from harness import MIB, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, SANITIZED, SLOW, together

TIMEOUTS = {"proxy": {"timeouts": {"connect": "1s", "head": "1s", "stall": "1s"}}}
PATIENCE = 8 * SLOW  # seconds: a time-out and the retries of what may pass

ERROR_BODY = '{"errors":[{"code":"DENIED","message":"go away"}]}'
# fault -> status and code of the answer to our client
FAULTS = {
    "status 500": ({"status": 500}, 502, "UNAVAILABLE"),
    "status 501": ({"status": 501}, 502, "UNAVAILABLE"),
    "status 503": ({"status": 503, "headers": {"Retry-After": "1"}}, 502, "UNAVAILABLE"),
    "status 429": ({"status": 429}, 429, "TOOMANYREQUESTS"),
    "status 401": ({"status": 401, "body": ERROR_BODY}, 403, "DENIED"),
    "status 403": ({"status": 403, "body": ERROR_BODY}, 403, "DENIED"),
    "status 418": ({"status": 418}, 502, "UNAVAILABLE"),
    "status 204": ({"status": 204}, 502, "UNAVAILABLE"),
    "redirect without Location": ({"status": 307}, 502, "UNAVAILABLE"),
    "redirect loop": ({"redirect": "{self}/v2/team/app/blobs/{digest}"}, 502, "UNAVAILABLE"),
    "redirect to a file": ({"redirect": "file:///etc/passwd"}, 502, "UNAVAILABLE"),
    "redirect to nobody": ({"redirect": "http://127.0.0.1:1/{digest}"}, 502, "UNAVAILABLE"),
    "not HTTP": ({"garbage": "SSH-2.0-OpenSSH_9.2\r\n"}, 502, "UNAVAILABLE"),
    "connection dropped": ({"drop": True}, 502, "UNAVAILABLE"),
    "hang": ({"hang": True}, 504, "UNAVAILABLE"),
    "hang after the head": ({"stall_after": 0}, None, None),
    "short body": ({"status": 200, "body": "short"}, None, None),
}


def assert_nothing_kept(mirror, of_blobs=0):
    mirror.wait_stats(lambda stats: not stats["fills"], "no fill runs")
    assert mirror.stats()["blobs"]["count"] == of_blobs == len(mirror.files("blobs"))


def assert_clear_error(mirror, fake, answer, status, code, *words):
    """The client's error and the log line name upstream and what was asked for."""
    assert (answer.status, answer.error()) == (status, code), answer
    assert fake.name in answer.message(), answer.message()
    mirror.wait_event(fake.name, *words)


@pytest.mark.parametrize("name", FAULTS)
def test_a_blob(make_mirror, fake, name):
    fault, status, code = FAULTS[name]
    mirror = make_mirror(fake.url, **TIMEOUTS)
    manifest, (_, blob) = fake.image("team/app", "v1")
    mirror.get(manifest.tag_path)  # so that the blob's length is known
    fake.fault(path=blob.path, **fault)
    began = time.monotonic()
    answer = mirror.get(blob.path)
    assert time.monotonic() - began < PATIENCE
    if status is None:  # the head may be out already: then the body is cut short
        assert answer.status >= 500 or not answer.complete, answer
        mirror.wait_event(fake.name, "team/app", blob.digest)
    else:
        assert_clear_error(mirror, fake, answer, status, code, "team/app", blob.digest)
    assert_nothing_kept(mirror)
    fake.clear_faults()
    mirror.assert_good(blob)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest(make_mirror, fake, name, by):
    fault, status, code = FAULTS[name]
    mirror = make_mirror(fake.url, **TIMEOUTS)
    manifest, _ = fake.image("team/app", "v1")
    path, reference = (manifest.tag_path, "v1") if by == "tag" else (manifest.path, manifest.digest)
    fake.fault(path="/v2/team/app/", **fault)
    began = time.monotonic()
    answer = mirror.get(path)
    assert time.monotonic() - began < PATIENCE
    if status is None:
        assert answer.status in (502, 504), answer
        status, code, reference = answer.status, "UNAVAILABLE", "manifest"  # the tag, or the digest that it was resolved to
    assert_clear_error(mirror, fake, answer, status, code, "team/app", reference)
    assert mirror.get("/v2/_catalog").json()["repositories"] == []
    fake.clear_faults()
    assert mirror.get(path).body == manifest.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_connection_refused(make_mirror, fake, method):
    mirror = make_mirror(fake.url, **TIMEOUTS)
    manifest, (_, blob) = fake.image("team/app", "v1")
    fake.stop()
    for path, words in ((manifest.tag_path, ["v1"]), (manifest.path, [manifest.digest]), (blob.path, [blob.digest])):
        began = time.monotonic()
        answer = mirror.get(path, method=method)
        assert answer.status == 502 and time.monotonic() - began < PATIENCE
        if method == "GET":
            assert_clear_error(mirror, fake, answer, 502, "UNAVAILABLE", "team/app", *words)
    assert_nothing_kept(mirror)
    fake.start()
    mirror.assert_good(blob)


def test_not_found_is_not_remembered(mirror, fake):
    fake.image("team/app", "v1")
    assert mirror.get("/v2/team/app/manifests/v2").status == 404
    manifest, blobs = fake.image("team/app", "v2", seed=2)
    assert mirror.get(manifest.tag_path).body == manifest.body
    mirror.assert_good(blobs[1])


def test_a_failure_that_passes_is_not_seen(mirror, fake):
    manifest, (_, blob) = fake.image("team/app", "v1")
    fake.fault(path="/v2/", status=503, times=1)
    assert mirror.get(manifest.tag_path).body == manifest.body
    fake.clear_faults()
    fake.fault(path=blob.path, drop=True, times=2)
    mirror.assert_good(blob)


# --- Manifests that are none ---

def assert_refused(mirror, fake, manifest, path=None):
    answer = mirror.get(path or manifest.tag_path)
    assert_clear_error(mirror, fake, answer, 502, "UNAVAILABLE", "team/app")
    assert mirror.get("/v2/_catalog").json()["repositories"] == []
    return answer


NO_MANIFESTS = {
    "garbage": "this is not JSON",
    "half": '{"schemaVersion":2,"config":',
    "empty": "",
    "list": "[]",
    "number": "42",
    "no manifest": '{"hello":"world"}',
    "layers of the wrong kind": json.dumps({"schemaVersion": 2, "layers": "many"}),
    "layer without a digest": json.dumps({"schemaVersion": 2, "layers": [{"size": 1}]}),
    "digest that is a path": json.dumps({"schemaVersion": 2, "layers": [{"digest": "sha256:../../../../etc/passwd", "size": 1}]}),
    "negative size": json.dumps({"schemaVersion": 2, "layers": [{"digest": "sha256:" + "0" * 64, "size": -1}]}),
    "deep": "[" * 100_000,
    "deep within": '{"schemaVersion":2,"layers":[],"x":' + "[" * 100_000 + "]" * 100_000 + "}",
}


@pytest.mark.parametrize("name", NO_MANIFESTS)
def test_what_is_no_manifest(mirror, fake, name):
    manifest = fake.manifest("team/app", NO_MANIFESTS[name], "v1")
    assert_refused(mirror, fake, manifest)
    assert_refused(mirror, fake, manifest, manifest.path)
    good, _ = fake.image("team/app", "v1")
    assert mirror.get(good.tag_path).body == good.body


def test_a_digest_header_that_lies(mirror, fake):
    other, _ = fake.image("team/app", "v2", seed=2)
    manifest, _ = fake.image("team/app", "v1")
    lie = fake.manifest("team/app", manifest.body.decode(), "v3", digest="sha256:" + "1" * 64)
    answer = assert_refused(mirror, fake, lie)
    assert manifest.digest in answer.message(), "the message names the digest that came"
    # By digest the header is not even asked: the bytes prove themselves.
    fake.fault(path=manifest.path, headers={"Docker-Content-Digest": other.digest})
    answer = mirror.get(manifest.path)
    assert answer.status == 502 or (answer.body, answer["docker-content-digest"]) == (manifest.body, manifest.digest)


def test_a_digest_header_that_is_none(mirror, fake):
    manifest, _ = fake.image("team/app", "v1")
    fake.fault(path=manifest.tag_path, headers={"Docker-Content-Digest": "sha256:../../../etc/passwd"})
    answer = mirror.get(manifest.tag_path)
    assert (answer.body, answer["docker-content-digest"]) == (manifest.body, manifest.digest)


def test_a_manifest_of_100_mb(mirror, fake):
    body = '{"schemaVersion":2,"layers":[],"x":"' + "x" * 100_000_000 + '"}'
    manifest = fake.manifest("team/app", body, "v1")
    fake.added.clear()
    mirror.get("/v2/")
    assert_refused(mirror, fake, manifest)
    assert_refused(mirror, fake, manifest, manifest.path)
    fake.fault(path="/manifests/", chunked=True)  # without an announcement too
    assert_refused(mirror, fake, manifest, manifest.path)
    assert all(request["body_sent"] < 32 * MIB for request in fake.requests("/manifests/"))
    assert SANITIZED or mirror.status("VmHWM") < 100 * 1024


def test_a_head_that_does_not_end(mirror, fake):
    manifest, (_, blob) = fake.image("team/app", "v1")
    fake.fault(path="/v2/team/app/", garbage="HTTP/1.1 200 OK\r\n" + "".join(f"X-{i}: {'x' * 1000}\r\n" for i in range(20_000)))
    for path in (manifest.tag_path, blob.path):
        answer = mirror.get(path)
        assert answer.status == 502 and fake.name in answer.message()
    fake.clear_faults()
    mirror.assert_good(blob)


def test_30_levels_of_nested_index(mirror, fake):
    """Each is served as it is asked for; nothing is followed."""
    child, _ = fake.image("team/app", "image")
    levels = []
    for level in range(30):
        media_type = OCI_INDEX if levels else OCI_MANIFEST
        child = fake.manifest("team/app", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child.descriptor(media_type)]},
                              f"level{level}", OCI_INDEX)
        levels.append(child)
    assert mirror.get(levels[-1].tag_path).body == levels[-1].body
    assert len(fake.requests("/manifests/")) == 2
    for manifest in reversed(levels):
        assert mirror.get(manifest.path).body == manifest.body


def test_an_index_that_names_itself(mirror, fake):
    digest = "sha256:" + "2" * 64
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{"mediaType": OCI_INDEX, "digest": digest, "size": 1}]}
    assert_refused(mirror, fake, fake.manifest("team/app", body, "v1", OCI_INDEX, digest=digest))


def test_a_manifest_of_many_layers(mirror, fake):
    layers = [{"mediaType": OCI_LAYER, "digest": f"sha256:{i:064x}", "size": i} for i in range(10_000)]
    manifest = fake.manifest("team/app", {"schemaVersion": 2, "config": layers[0], "layers": layers}, "v1")
    assert mirror.get(manifest.tag_path).body == manifest.body


@pytest.mark.parametrize("body", ["nonsense", "[]", '{"tags":"many"}', '{"tags":[1,2]}', '{"name":"x","tags":' + "[" * 50_000])
def test_a_tag_list_that_is_none(mirror, fake, body):
    fake.image("team/app", "v1")
    fake.fault(path="/tags/list", status=200, body=body)
    answer = mirror.get("/v2/team/app/tags/list")
    assert answer.status == 502 and fake.name in answer.message(), answer


def test_a_tag_list_without_tags(mirror, fake):
    """Some registries say null."""
    fake.image("team/app", "v1")
    fake.fault(path="/tags/list", status=200, body='{"name":"team/app","tags":null}')
    answer = mirror.get("/v2/team/app/tags/list")
    assert answer.status == 502 or answer.json()["tags"] == []


def test_a_tag_list_that_never_ends(mirror, fake):
    fake.image("team/app", "v1")
    body = json.dumps({"name": "team/app", "tags": ["a"]})
    fake.fault(path="/tags/list", status=200, body=body, headers={"Link": '</v2/team/app/tags/list?last=a>; rel="next"'})
    answer = mirror.get("/v2/team/app/tags/list")
    assert answer.status in (200, 502) and len(fake.requests("/tags/list")) <= 1000


# --- Credentials ---

SECRET = {"username": "alice", "password": "open-sesame"}


def test_basic(make_mirror, fake):
    fake.auth(type="basic", **SECRET)
    mirror = make_mirror(fake.url, proxy=SECRET)
    manifest, blobs = fake.image("team/app", "v1", layers=(1000,) * 5)
    assert mirror.get(manifest.tag_path).body == manifest.body
    for blob in blobs:
        mirror.assert_good(blob)
    assert len([request for request in fake.requests() if request["status"] == 401]) <= 1, "learnt once"


@pytest.mark.parametrize("credentials", [{}, SECRET | {"password": "hocus-pocus"}], ids=["none", "wrong"])
@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_wrong_credentials(make_mirror, fake, kind, credentials):
    fake.auth(type=kind, **SECRET)
    mirror = make_mirror(fake.url, proxy=credentials)
    manifest, (_, blob) = fake.image("team/app", "v1")
    for path in (manifest.tag_path, manifest.path, blob.path):
        answer = mirror.get(path)
        assert (answer.status, answer.error()) == (403, "DENIED") and fake.name in answer.message()
    assert "open-sesame" not in json.dumps(mirror.log) and "hocus-pocus" not in json.dumps(mirror.log)
    fake.auth(type="none")
    mirror.assert_good(blob)


@pytest.mark.parametrize("credentials", [{}, SECRET], ids=["anonymous", "account"])
def test_one_token_for_many(make_mirror, fake, credentials):
    fake.auth(type="bearer", expires_in=300, **credentials)
    mirror = make_mirror(fake.url, proxy=credentials)
    manifest, blobs = fake.image("team/app", "v1", layers=range(1000, 1030))
    fake.fault(path="/token", delay_ms=200)
    jobs = [lambda: mirror.get(manifest.tag_path)] + [lambda blob=blob: mirror.get(blob.path) for blob in blobs]
    assert all(answer.status == 200 and answer.complete for answer in together(jobs))
    tokens = fake.requests("/token")
    assert len(tokens) == 1 and "scope=repository%3Ateam%2Fapp%3Apull" in tokens[0]["target"]
    assert ("authorization" in tokens[0]["headers"]) == bool(credentials)


def test_an_expired_token_is_fetched_once_more(make_mirror, fake):
    fake.auth(type="bearer", expires_in=300)
    mirror = make_mirror(fake.url)
    _, blobs = fake.image("team/app", "v1", layers=range(1000, 1016))
    mirror.assert_good(blobs[0])
    fake.expire_tokens()
    answers = together([lambda blob=blob: mirror.get(blob.path) for blob in blobs[1:]])
    assert all(answer.status == 200 and answer.complete for answer in answers)
    assert len(fake.requests("/token")) == 2


def test_a_token_is_for_its_repository(make_mirror, fake):
    fake.auth(type="bearer", expires_in=300)
    mirror = make_mirror(fake.url)
    for repository in ("team/one", "team/two"):
        manifest, _ = fake.image(repository, "v1")
        assert mirror.get(manifest.tag_path).status == 200
    assert ["team%2Fone" in r["target"] for r in fake.requests("/token")] == [True, False]


def test_a_token_that_ends_mid_fill(make_mirror, fake):
    """The transfer breaks off, and the token is no longer good when it goes on."""
    fake.auth(type="bearer", expires_in=300)
    mirror = make_mirror(fake.url)
    blob = fake.blob("team/app", 4 * MIB)
    fake.fault(method="GET", path=blob.path, hold="half", hold_after=MIB, cut_after=MIB, times=1)
    with mirror.connect() as connection:
        connection.send_request("GET", blob.path)
        head = connection.read_head()
        connection.buffer[:0] = connection.read_exactly(MIB)
        fake.expire_tokens()
        fake.release("half")
        connection.read_body(head)
        assert head.complete and head.digest() == blob.digest


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_authorization_never_reaches_the_target_of_a_redirect(make_mirror, make_fake, kind):
    fake, cdn = make_fake(), make_fake()
    fake.auth(type=kind, **SECRET)
    mirror = make_mirror(fake.url, proxy=SECRET)
    blob = fake.blob("team/app", 100_000)
    cdn.blob("team/app", 100_000)
    fake.fault(method="GET", path="/blobs/", redirect=cdn.url + "/cdn/{digest}?signature=x")
    mirror.assert_good(blob)
    target, = cdn.requests("/cdn/")
    assert "authorization" not in target["headers"] and "cookie" not in target["headers"]
    assert [r for r in fake.requests(blob.path) if "authorization" in r["headers"]]


def test_a_redirected_fill_goes_on_by_range(make_mirror, make_fake):
    fake, cdn = make_fake(), make_fake()
    mirror = make_mirror(fake.url)
    blob = fake.blob("team/app", 4 * MIB)
    cdn.blob("team/app", 4 * MIB)
    fake.fault(method="GET", path="/blobs/", redirect=cdn.url + "/cdn/{digest}")
    cdn.fault(path="/cdn/", cut_after=MIB, times=1)
    mirror.assert_good(blob)
    assert [r["headers"].get("range") for r in cdn.requests("/cdn/")] == [None, f"bytes={MIB}-"]


@pytest.mark.parametrize("realm", ["http://localhost:1/token", "http://evil.example/token", "file:///etc/passwd", "nonsense"])
def test_credentials_go_to_no_foreign_token_realm(make_mirror, fake, realm):
    fake.auth(type="bearer", realm=realm, **SECRET)
    mirror = make_mirror(fake.url, proxy=SECRET)
    manifest, _ = fake.image("team/app", "v1")
    answer = mirror.get(manifest.tag_path)
    assert answer.status in (403, 502) and fake.name in answer.message(), answer
    mirror.wait_event(fake.name, "team/app")


def test_the_mirrors_account_is_in_no_answer_and_no_log(make_mirror, fake):
    fake.auth(type="bearer", **SECRET)
    mirror = make_mirror(fake.url, log={"level": "debug"}, proxy=SECRET)
    manifest, (_, blob) = fake.image("team/app", "v1")
    answers = [mirror.get(manifest.tag_path), mirror.get(blob.path), mirror.get("/v2/team/none/manifests/v1")]
    text = repr(answers) + json.dumps(mirror.stats()) + json.dumps(mirror.log)
    assert "open-sesame" not in text and "fake-token" not in text


def test_clients_credentials_stay_here(mirror, fake):
    """What a client sends along is not upstream's business."""
    manifest, (_, blob) = fake.image("team/app", "v1")
    for path in (manifest.tag_path, blob.path):
        assert mirror.get(path, {"Authorization": "Bearer mine", "Cookie": "mine", "X-Forwarded-For": "192.0.2.1"}).status == 200
    sent = json.dumps([request["headers"] for request in fake.requests()])
    assert "mine" not in sent and "192.0.2.1" not in sent
