"""The pull API: what a client sees of the OCI Distribution API and the Docker Registry V2."""
import base64
import hashlib
import json
import re

import pytest

from harness import DOCKER_LIST, DOCKER_MANIFEST, NO_DIGEST, OCI_INDEX, OCI_MANIFEST

ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
SIGNED_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def image_body(blob, media_type, **more):
    layer = blob.descriptor("application/octet-stream")
    return {"schemaVersion": 2, "mediaType": media_type, "config": layer, "layers": [layer], **more}


def index_body(blob, media_type, **more):
    return {"schemaVersion": 2, "mediaType": media_type, "manifests": [blob.descriptor(OCI_MANIFEST)], **more}


def signed_schema1(blob):
    """(body, digest): the digest is that of the JWS payload, not of the body (protocol of 2014)."""
    payload = json.dumps({"schemaVersion": 1, "name": "team/app", "tag": "latest", "architecture": "amd64",
                          "fsLayers": [{"blobSum": blob.digest}], "history": [{"v1Compatibility": "{}"}]}, indent=3)
    length = payload.rindex("\n}")

    def base64url(text):
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    protected = base64url(json.dumps({"formatLength": length, "formatTail": base64url(payload[length:])}))
    signature = {"header": {"alg": "ES256"}, "signature": "c2lnbmF0dXJl", "protected": protected}
    body = payload[:length] + ',\n   "signatures": ' + json.dumps([signature]) + "\n}"
    return body, "sha256:" + hashlib.sha256(payload.encode()).hexdigest()


# --- /v2/ ---

@pytest.mark.parametrize("target", ["/v2/", "/v2"])
def test_base(mirror, fake, target):
    answer = mirror.get(target)
    assert (answer.status, answer.body, answer["content-type"]) == (200, b"{}", "application/json")
    assert answer["docker-distribution-api-version"] == "registry/2.0"
    head = mirror.head(target)
    assert (head.status, head["content-length"]) == (200, "2")
    assert fake.requests() == []


# --- Manifests ---

MANIFESTS = {
    "oci-manifest": (OCI_MANIFEST, lambda blob: json.dumps(image_body(blob, OCI_MANIFEST))),
    "oci-manifest-odd-spacing": (OCI_MANIFEST, lambda blob: " \n" + json.dumps(image_body(blob, OCI_MANIFEST), indent=7) + "\n\n"),
    "oci-manifest-unicode": (OCI_MANIFEST, lambda blob: json.dumps(image_body(blob, OCI_MANIFEST, annotations={"name": "\u00e9\u2713"}),
                                                                   ensure_ascii=False)),
    "oci-index": (OCI_INDEX, lambda blob: json.dumps(index_body(blob, OCI_INDEX))),
    "oci-index-empty": (OCI_INDEX, lambda blob: '{"schemaVersion":2,"manifests":[]}'),
    "manifest-list": (DOCKER_LIST, lambda blob: json.dumps(index_body(blob, DOCKER_LIST))),
    "schema2": (DOCKER_MANIFEST, lambda blob: json.dumps(image_body(blob, DOCKER_MANIFEST))),
    "artifact": (ARTIFACT, lambda blob: json.dumps({"mediaType": ARTIFACT, "artifactType": "text/x",
                                                    "blobs": [blob.descriptor("text/plain")]})),
    "referrer": (OCI_MANIFEST, lambda blob: json.dumps(image_body(blob, OCI_MANIFEST, artifactType="text/x",
                                                                  subject=blob.descriptor(OCI_MANIFEST)))),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_manifest_is_served_byte_for_byte(mirror, fake, kind):
    media_type, body = MANIFESTS[kind]
    manifest = fake.manifest("team/app", body(fake.blob("team/app", 100)), "v1", media_type)
    for path in (manifest.tag_path, manifest.path, manifest.path):
        answer = mirror.get(path)
        assert (answer.status, answer.body) == (200, manifest.body)
        assert answer["content-type"] == media_type
        assert answer["docker-content-digest"] == manifest.digest == answer.digest()
        assert answer["etag"] == f'"{manifest.digest}"'
        assert answer["docker-distribution-api-version"] == "registry/2.0"
        head = mirror.head(path)
        assert (head.status, head["content-length"]) == (200, str(manifest.size))
        assert (head["content-type"], head["docker-content-digest"]) == (media_type, manifest.digest)


def test_manifest_first_a_miss_then_a_hit(mirror, fake):
    manifest, _ = fake.image("team/app", "v1")
    assert "fwd=" in mirror.get(manifest.tag_path)["cache-status"]
    second = mirror.get(manifest.tag_path)
    assert re.match(r"entrepot; hit; ttl=\d+", second["cache-status"]) and second["age"].isdigit()
    assert mirror.get(manifest.path)["cache-status"].startswith("entrepot; hit")
    assert fake.asked("/manifests/") == [f"HEAD {manifest.tag_path}", f"GET {manifest.path}"]


def test_signed_schema1_has_the_digest_of_its_payload(mirror, fake):
    body, digest = signed_schema1(fake.blob("team/app", 100))
    manifest = fake.manifest("team/app", body, "latest", SIGNED_SCHEMA1, digest=digest)
    for path in (manifest.tag_path, manifest.path):
        answer = mirror.get(path)
        assert (answer.status, answer.body, answer["content-type"]) == (200, body.encode(), SIGNED_SCHEMA1)
        assert answer["docker-content-digest"] == digest != answer.digest()


def test_manifest_by_sha512(mirror, fake):
    body = json.dumps(image_body(fake.blob("team/app", 100), OCI_MANIFEST))
    manifest = fake.manifest("team/app", body, media_type=OCI_MANIFEST, algorithm="sha512")
    answer = mirror.get(manifest.path)
    assert answer.status == 200 and answer.digest("sha512") == manifest.digest == answer["docker-content-digest"]


def test_media_type_goes_out_without_parameters(mirror, fake):
    body = json.dumps(image_body(fake.blob("team/app", 100), OCI_MANIFEST))
    manifest = fake.manifest("team/app", body, "v1", OCI_MANIFEST + "; charset=utf-8")
    assert mirror.get(manifest.tag_path)["content-type"] == OCI_MANIFEST
    assert mirror.get(manifest.path)["content-type"] == OCI_MANIFEST


def test_manifest_that_the_client_cannot_take(mirror, fake):
    manifest, _ = fake.image("team/app", "v1")
    answer = mirror.get(manifest.tag_path, {"Accept": DOCKER_MANIFEST})
    assert (answer.status, answer.error()) == (404, "MANIFEST_UNKNOWN") and OCI_MANIFEST in answer.message()
    for accept in (OCI_MANIFEST, f"{DOCKER_MANIFEST}, {OCI_MANIFEST};q=0.5", "*/*", "application/*"):
        assert mirror.get(manifest.tag_path, {"Accept": accept}).status == 200
    assert mirror.get(manifest.path, {"Accept": DOCKER_MANIFEST}).status == 200  # a digest leaves no choice


def test_head_of_an_unheld_manifest_fetches_nothing(mirror, fake):
    manifest, _ = fake.image("team/app", "v1")
    for path in (manifest.path, manifest.tag_path):
        answer = mirror.head(path)
        assert (answer.status, answer["content-length"]) == (200, str(manifest.size))
        assert (answer["content-type"], answer["docker-content-digest"]) == (OCI_MANIFEST, manifest.digest)
    assert [request["method"] for request in fake.requests("/manifests/")] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("reference", ["missing", NO_DIGEST])
def test_unknown_manifest(mirror, fake, reference):
    fake.image("team/app", "v1")
    answer = mirror.get(f"/v2/team/app/manifests/{reference}")
    assert (answer.status, answer.error()) == (404, "MANIFEST_UNKNOWN")
    head = mirror.head(f"/v2/team/app/manifests/{reference}")
    assert (head.status, head.length) == (404, 0)


@pytest.mark.parametrize("name", ["a", "a/b/c/d/e/f/g/h/i/j/k/l/m", "blobs/tags/manifests", "a-b__c.d--e/f_g", "x" * 255])
def test_repository_names_of_any_depth(mirror, fake, name):
    manifest, blobs = fake.image(name, "v1")
    assert mirror.get(manifest.tag_path).body == manifest.body
    for blob in blobs:
        mirror.assert_good(blob)


# --- Blobs ---

def test_blob_first_a_miss_then_a_hit(mirror, fake):
    blob = fake.blob("team/app", 100_000)
    first = mirror.get(blob.path)
    mirror.wait_stats(lambda stats: stats["blobs"]["count"] == 1, "the blob is kept")
    second = mirror.get(blob.path)
    for answer in (first, second):
        assert (answer.status, answer.digest()) == (200, blob.digest)
        assert (answer["content-length"], answer["content-type"]) == ("100000", "application/octet-stream")
        assert answer["docker-content-digest"] == blob.digest and answer["etag"] == f'"{blob.digest}"'
        assert answer["accept-ranges"] == "bytes" and answer["docker-distribution-api-version"] == "registry/2.0"
        assert "content-encoding" not in answer
    assert "fwd=uri-miss" in first["cache-status"] and second["cache-status"] == "entrepot; hit"
    assert fake.asked("/blobs/") == [f"GET {blob.path}"]


def test_blob_by_sha512(mirror, fake):
    blob = fake.blob("team/app", 50_000, algorithm="sha512")
    for _ in range(2):
        answer = mirror.get(blob.path)
        assert answer.status == 200 and answer.digest("sha512") == blob.digest


def test_head_of_an_unheld_blob_asks_upstream_and_starts_no_fill(mirror, fake):
    blob = fake.blob("team/app", 5000)
    head = mirror.head(blob.path)
    assert (head.status, head["content-length"], head["docker-content-digest"]) == (200, "5000", blob.digest)
    assert fake.asked("/blobs/") == [f"HEAD {blob.path}"]
    stats = mirror.stats()
    assert stats["fills"] == [] and stats["blobs"]["count"] == 0 and mirror.files("partial") == []


def test_head_of_a_held_blob_asks_nobody(mirror, fake):
    blob = fake.blob("team/app", 5000)
    mirror.assert_good(blob)
    mirror.wait_stats(lambda stats: stats["blobs"]["count"] == 1, "the blob is kept")
    fake.stop()
    head = mirror.head(blob.path)
    assert (head.status, head["content-length"], head["cache-status"]) == (200, "5000", "entrepot; hit")


def test_unknown_blob(mirror, fake):
    fake.image("team/app")
    path = f"/v2/team/app/blobs/{NO_DIGEST}"
    answer = mirror.get(path)
    assert (answer.status, answer.error()) == (404, "BLOB_UNKNOWN")
    assert mirror.head(path).status == 404


def test_a_blob_of_another_repository_needs_upstreams_word(mirror, fake):
    mine = fake.blob("team/mine", 5000)
    mirror.assert_good(mine)
    foreign = mirror.get(f"/v2/team/other/blobs/{mine.digest}")
    assert (foreign.status, foreign.error()) == (404, "BLOB_UNKNOWN")
    fake.blob("team/other", 5000)  # the same bytes, now a member there too
    assert mirror.get(f"/v2/team/other/blobs/{mine.digest}").digest() == mine.digest
    assert len(fake.requests("/blobs/", "GET")) == 1, "proved by a HEAD, not by a download"


# --- Range ---

TEXT = "0123456789"
RANGES = [
    ("bytes=0-0", 206, "0", "bytes 0-0/10"),
    ("bytes=2-4", 206, "234", "bytes 2-4/10"),
    ("bytes=5-", 206, "56789", "bytes 5-9/10"),
    ("bytes=-3", 206, "789", "bytes 7-9/10"),
    ("bytes=-100", 206, TEXT, "bytes 0-9/10"),
    ("bytes=8-999999999999999999999999", 206, "89", "bytes 8-9/10"),
    ("Bytes=1-2", 206, "12", "bytes 1-2/10"),
    ("bytes=10-", 416, None, "bytes */10"),
    ("bytes=-0", 416, None, "bytes */10"),
    ("bytes=99-100", 416, None, "bytes */10"),
    ("bytes=1-2,4-5", 200, TEXT, None),  # several ranges: a server may send the whole
    ("bytes=5-2", 200, TEXT, None),
    ("bytes=", 200, TEXT, None),
    ("bytes=a-b", 200, TEXT, None),
    ("lines=1-2", 200, TEXT, None),
]


def test_ranges(mirror, fake):
    blob = fake.blob("team/app", content=TEXT)
    mirror.assert_good(blob)
    for header, status, body, content_range in RANGES:
        answer = mirror.get(blob.path, {"Range": header})
        assert (answer.status, answer["content-range"]) == (status, content_range), header
        if status == 416:
            assert answer.error() == "RANGE_INVALID"
        else:
            assert answer.body == body.encode() and answer["content-length"] == str(len(body)), header


def test_range_of_a_cold_blob_brings_all_of_it(mirror, fake):
    blob = fake.blob("team/app", content=TEXT)
    assert mirror.get(blob.path, {"Range": "bytes=3-5"}).body == b"345"
    mirror.wait_stats(lambda stats: stats["blobs"]["count"] == 1, "the whole blob is kept")
    assert "range" not in fake.requests("/blobs/", "GET")[0]["headers"]


def test_if_range(mirror, fake):
    blob = fake.blob("team/app", content=TEXT)
    part = mirror.get(blob.path, {"Range": "bytes=1-2", "If-Range": f'"{blob.digest}"'})
    assert (part.status, part.body) == (206, b"12")
    for other in (f'"{NO_DIGEST}"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        whole = mirror.get(blob.path, {"Range": "bytes=1-2", "If-Range": other})
        assert (whole.status, whole.body) == (200, TEXT.encode())


@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"', '"x", "{}"', "*"])
def test_if_none_match(mirror, fake, form):
    manifest, blobs = fake.image("team/app", "v1")
    for path, digest in ((blobs[0].path, blobs[0].digest), (manifest.tag_path, manifest.digest), (manifest.path, manifest.digest)):
        assert mirror.get(path).status == 200
        answer = mirror.get(path, {"If-None-Match": form.format(digest)})
        assert (answer.status, answer.body, answer["etag"]) == (304, b"", f'"{digest}"')
        assert mirror.get(path, {"If-None-Match": f'"{NO_DIGEST}"'}).status == 200


# --- Lists ---

def walk(mirror, target, key):
    """All pages: the names, and how many pages there were."""
    names, pages = [], 0
    while target:
        answer = mirror.get(target)
        assert answer.status == 200 and answer["content-type"] == "application/json", answer
        names += answer.json()[key]
        pages += 1
        assert pages < 50
        link = answer["link"]
        target = re.fullmatch(r'<(/v2/[^>]+)>; rel="next"', link)[1] if link else None
    return names, pages


def tagged(fake, repository="team/app", tags=("v1.0", "v1.1", "v2.0", "Latest", "_x")):
    for seed, tag in enumerate(tags):
        fake.image(repository, tag, seed=seed)
    return sorted(tags)


def test_tags_list_is_upstreams(mirror, fake):
    tags = tagged(fake)
    answer = mirror.get("/v2/team/app/tags/list")
    assert answer.json() == {"name": "team/app", "tags": tags} and "link" not in answer
    assert walk(mirror, "/v2/team/app/tags/list?n=2", "tags") == (tags, 3)
    assert walk(mirror, "/v2/team/app/tags/list?n=5", "tags") == (tags, 1)
    assert walk(mirror, "/v2/team/app/tags/list?n=1000", "tags") == (tags, 1)
    assert mirror.get(f"/v2/team/app/tags/list?last={tags[2]}").json()["tags"] == tags[3:]
    assert mirror.get("/v2/team/app/tags/list?last=zzz").json()["tags"] == []


def test_tags_list_of_none(mirror, fake):
    tagged(fake)
    answer = mirror.get("/v2/team/app/tags/list?n=0")
    assert answer.json() == {"name": "team/app", "tags": []} and "link" not in answer


@pytest.mark.parametrize("path", ["/v2/team/app/tags/list", "/v2/_catalog"])
@pytest.mark.parametrize("n", ["-1", "x", "", "1.5", "0x10", "99999999999999999999999"])
def test_a_page_size_that_is_none(mirror, fake, path, n):
    answer = mirror.get(f"{path}?n={n}")
    assert (answer.status, answer.error()) == (400, "PAGINATION_NUMBER_INVALID")


def test_tags_list_of_an_unknown_repository(mirror, fake):
    answer = mirror.get("/v2/team/none/tags/list")
    assert (answer.status, answer.error()) == (404, "NAME_UNKNOWN")


def test_tags_list_of_what_is_held_when_upstream_is_down(mirror, fake):
    tagged(fake)
    for tag in ("v1.1", "v1.0", "_x"):
        assert mirror.get(f"/v2/team/app/manifests/{tag}").status == 200
    fake.stop()
    answer = mirror.get("/v2/team/app/tags/list")
    assert answer.json()["tags"] == ["_x", "v1.0", "v1.1"] and answer["warning"].startswith("299 ")
    assert walk(mirror, "/v2/team/app/tags/list?n=2", "tags") == (["_x", "v1.0", "v1.1"], 2)
    unheld = mirror.get("/v2/team/none/tags/list")
    assert unheld.status == 502 and fake.name in unheld.message()


def test_catalog_lists_what_is_held(mirror, fake):
    assert mirror.get("/v2/_catalog").json() == {"repositories": []}
    names = ["a", "team/app", "team/app/deep", "z-last"]
    for name in names:
        manifest, _ = fake.image(name, "v1")
        mirror.get(manifest.tag_path)
    fake.image("team/unheld", "v1")
    assert mirror.get("/v2/_catalog").json() == {"repositories": names}
    assert walk(mirror, "/v2/_catalog?n=1", "repositories") == (names, 4)
    assert walk(mirror, "/v2/_catalog?n=3", "repositories") == (names, 2)
    assert mirror.get("/v2/_catalog?last=team/app").json() == {"repositories": names[2:]}
    empty = mirror.get("/v2/_catalog?n=0")
    assert empty.json() == {"repositories": []} and "link" not in empty


def test_there_are_no_referrers_yet(mirror, fake):
    manifest, _ = fake.image("team/app", "v1")
    answer = mirror.get(f"/v2/team/app/referrers/{manifest.digest}")
    assert (answer.status, answer.error()) == (404, "UNSUPPORTED")
    assert mirror.get("/v2/team/app/referrers/nonsense").error() == "DIGEST_INVALID"


# --- ?ns= ---

def test_ns_that_the_upstream_answers_to(mirror, fake):
    manifest, blobs = fake.image("team/app", "v1")
    for ns in (fake.name, "docker.io", "registry-1.docker.io", "index.docker.io", "DOCKER.io"):
        assert mirror.get(f"{manifest.tag_path}?ns={ns}").body == manifest.body, ns
        assert mirror.get(f"{blobs[0].path}?ns={ns}").digest() == blobs[0].digest, ns
    assert mirror.get("/v2/team/app/tags/list?ns=docker.io&n=1").status == 200
    assert not [request for request in fake.requests() if "ns=" in request["target"]]


@pytest.mark.parametrize("ns", ["quay.io", "docker.io.evil.example", "", "127.0.0.1", "docker.io:443", "%00"])
def test_any_other_ns_is_unknown_and_upstream_is_not_asked(mirror, fake, ns):
    manifest, blobs = fake.image("team/app", "v1")
    mirror.get(manifest.tag_path)
    fake.forget()
    for path in (manifest.tag_path, manifest.path, blobs[0].path, "/v2/team/app/tags/list"):
        answer = mirror.get(f"{path}?ns={ns}")
        assert (answer.status, answer.error()) == (404, "NAME_UNKNOWN"), path
    assert fake.requests() == []


def test_docker_io_is_not_answered_unless_the_configuration_says_so(make_mirror, fake):
    mirror = make_mirror(fake.url, proxy={"namespaces": []})
    manifest, _ = fake.image("team/app", "v1")
    assert mirror.get(f"{manifest.tag_path}?ns=docker.io").error() == "NAME_UNKNOWN"
    assert mirror.get(f"{manifest.tag_path}?ns={fake.name}").status == 200


def test_ns_twice_is_ambiguous(mirror, fake):
    manifest, _ = fake.image("team/app", "v1")
    assert mirror.get(f"{manifest.tag_path}?ns=docker.io&ns=quay.io").status == 400
    assert fake.requests() == []


# --- Errors ---

ERRORS = [
    ("/v2/UPPER/manifests/latest", 400, "NAME_INVALID"),
    ("/v2/-a/manifests/latest", 400, "NAME_INVALID"),
    ("/v2/a..b/blobs/" + NO_DIGEST, 400, "NAME_INVALID"),
    ("/v2/a___b/tags/list", 400, "NAME_INVALID"),
    ("/v2/" + "x" * 256 + "/tags/list", 400, "NAME_INVALID"),
    ("/v2/a/manifests/.INVALID_MANIFEST_NAME", 404, "MANIFEST_UNKNOWN"),  # as the OCI conformance tests want it
    ("/v2/a/manifests/" + "t" * 129, 404, "MANIFEST_UNKNOWN"),
    ("/v2/a/manifests/sha256:abc", 400, "DIGEST_INVALID"),
    ("/v2/a/manifests/sha256:" + "A" * 64, 400, "DIGEST_INVALID"),
    ("/v2/a/manifests/md5:" + "0" * 32, 400, "DIGEST_INVALID"),
    ("/v2/a/blobs/sha256:" + "0" * 63, 400, "DIGEST_INVALID"),
    ("/v2/a/blobs/sha512:" + "0" * 64, 400, "DIGEST_INVALID"),
    ("/v2/a/blobs/latest", 400, "DIGEST_INVALID"),
    ("/v2/a/nothing/latest", 404, "NAME_UNKNOWN"),
    ("/v2/a", 404, "NAME_UNKNOWN"),
    ("/v1/_ping", 404, "NAME_UNKNOWN"),
    ("/", 404, "NAME_UNKNOWN"),
    ("/stats", 404, "NAME_UNKNOWN"),  # only on the debug address
]


def test_errors_have_the_registrys_code_and_status(mirror, fake):
    for target, status, code in ERRORS:
        answer = mirror.get(target)
        assert (answer.status, answer.error()) == (status, code), target
        assert answer["docker-distribution-api-version"] == "registry/2.0"
        head = mirror.head(target)
        assert (head.status, head.length) == (status, 0), target
    assert fake.requests() == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "BREW"])
def test_other_methods(mirror, fake, method):
    for target in ("/v2/", "/v2/_catalog", "/v2/a/blobs/uploads/", "/v2/a/manifests/latest", f"/v2/a/blobs/{NO_DIGEST}"):
        answer = mirror.get(target, method=method)
        assert (answer.status, answer.error(), answer["allow"]) == (405, "UNSUPPORTED", "GET, HEAD"), target
    assert fake.requests() == []


# --- Paths are matched exactly ---

DIGEST_FILE = "blobs/sha256/00/" + "0" * 64
TRICKS = [
    "/v2/../etc/passwd", "/v2/a/../../../etc/passwd/manifests/x", "/v2/a/blobs/../../" + DIGEST_FILE, "/v2/./_catalog", "/../v2/",
    "/v2/..", "/v2/a/blobs/..", "/v2/a/manifests/..", "/v2/%2e%2e/etc/passwd", "/v2/a%2fb/manifests/latest", "/v2/a/manifests/%6catest",
    "/v2/a%00/manifests/latest", "/v2/a/manifests/latest%00", "//v2/", "/v2//", "/v2//a/manifests/latest", "/v2/a//manifests/latest",
    "/v2/a/manifests//latest", "/v2/a/manifests/latest/", "/v2/a/blobs/" + NO_DIGEST + "/", "/v2/\\..\\a/manifests/latest", "/V2/",
    "/v2/a/blobs/sha256:../../../../etc/passwd", "/v2/a/blobs/sha256:" + "%30" * 64, "/v2/_catalog/", "/v2/a/tags/list/x",
    "/v2/" + "a/" * 2000 + "manifests/latest", "/v2/a/manifests/latest%", "/v2/a;b/manifests/latest",
]


@pytest.mark.parametrize("target", TRICKS, ids=lambda target: target[:40])
def test_path_tricks_find_nothing(mirror, fake, target):
    answer = mirror.get(target)
    assert answer.status in (400, 404), answer
    assert fake.requests() == []


@pytest.mark.parametrize("raw", [b"/v2/\x00/manifests/latest", b"/v2/a\x7f/manifests/x", b"/v2/\xc3\xa9/manifests/x", b"/v2/a\t/manifests/x"])
def test_bytes_that_no_path_has(mirror, fake, raw):
    with mirror.connect() as connection:
        connection.send(b"GET " + raw + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read_answer().status in (400, 404)
    assert fake.requests() == []


# --- The connection ---

def test_keep_alive(mirror, fake):
    manifest, blobs = fake.image("team/app", "v1", layers=(100_000,))
    with mirror.connect() as connection:
        assert connection.get(manifest.tag_path).body == manifest.body
        assert connection.request("HEAD", blobs[0].path).status == 200
        assert connection.get("/v2/a/blobs/nonsense").status == 400  # an error costs no connection
        for blob in blobs:
            assert connection.get(blob.path).digest() == blob.digest
        assert connection.get(manifest.path, {"If-None-Match": "*"}).status == 304
        assert connection.get("/v2/", {"Connection": "close"})["connection"] == "close"
        assert connection.is_closed()


def test_pipelining_answers_in_order(mirror, fake):
    manifest, blobs = fake.image("team/app", "v1", layers=(300_000, 10))
    targets = ["/v2/", manifest.tag_path, blobs[1].path, "/v2/none", blobs[2].path, blobs[1].path, manifest.path]
    with mirror.connect() as connection:
        connection.send("".join(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n" for target in targets))
        answers = [connection.read_answer() for _ in targets]
    assert [answer.status for answer in answers] == [200, 200, 200, 404, 200, 200, 200]
    digests = [manifest.digest, blobs[1].digest, None, blobs[2].digest, blobs[1].digest, manifest.digest]
    assert all(digest in (None, answer.digest()) for answer, digest in zip(answers[1:], digests))


def test_http_1_0(mirror, fake):
    blob = fake.blob("team/app", 5000)
    with mirror.connect() as connection:
        assert connection.get(blob.path, {"Connection": "keep-alive"}, version="1.0").digest() == blob.digest
        answer = connection.get(blob.path, version="1.0")
        assert (answer.digest(), answer["content-length"]) == (blob.digest, "5000")
        assert connection.is_closed()


def test_absolute_form(mirror, fake):
    manifest, _ = fake.image("team/app", "v1")
    assert mirror.get(f"http://mirror.example:5000{manifest.tag_path}").body == manifest.body
