"""Clients that send nonsense, too much, or too slowly."""
import socket
import ssl
import time

import pytest

from harness import MIB, SLOW
from http_client import CutShort, wait_until

HOST = b"Host: x\r\n"
GET = b"GET /v2/ HTTP/1.1\r\n" + HOST

# What two servers could read differently must not be read at all: answered 400, and the connection ends.
AMBIGUOUS = {
    "length and encoding": b"POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding and length": b"POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": GET + b"Content-Length: 0\r\nContent-Length: 1\r\n\r\nX",
    "two lengths in one": GET + b"Content-Length: 0, 1\r\n\r\nX",
    "the same length twice": GET + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nX",
    "negative length": GET + b"Content-Length: -1\r\n\r\n",
    "signed length": GET + b"Content-Length: +1\r\n\r\nX",
    "hexadecimal length": GET + b"Content-Length: 0x1\r\n\r\nX",
    "length with a blank": GET + b"Content-Length: 1 1\r\n\r\nX",
    "empty length": GET + b"Content-Length: \r\n\r\n",
    "length beyond 64 bits": GET + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "unknown encoding": GET + b"Transfer-Encoding: gzip\r\n\r\n",
    "encoding twice": GET + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding list": GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "encoding then identity": GET + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "almost chunked": GET + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "encoding in 1.0": b"GET /v2/ HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare LF everywhere": b"GET /v2/ HTTP/1.1\nHost: x\n\n",
    "bare LF behind the line": b"GET /v2/ HTTP/1.1\nHost: x\r\n\r\n",
    "bare LF behind a header": GET + b"A: b\nC: d\r\n\r\n",
    "bare CR in a header": GET + b"A: b\rC: d\r\n\r\n",
    "folded line": GET + b"A: b\r\n c\r\n\r\n",
    "folded with a tab": GET + b"A: b\r\n\tc\r\n\r\n",
    "folded at the start": b"GET /v2/ HTTP/1.1\r\n Host: x\r\n\r\n",
    "blank before the colon": b"GET /v2/ HTTP/1.1\r\nHost : x\r\n\r\n",
    "tab before the colon": GET + b"Content-Length\t: 1\r\n\r\nX",
    "blank in a name": GET + b"A B: c\r\n\r\n",
    "no name": GET + b": c\r\n\r\n",
    "no colon": GET + b"nonsense\r\n\r\n",
    "NUL in a value": GET + b"A: b\x00c\r\n\r\n",
    "NUL in a name": GET + b"A\x00: b\r\n\r\n",
    "no Host": b"GET /v2/ HTTP/1.1\r\n\r\n",
    "two Hosts": GET + b"Host: y\r\n\r\n",
    "Host with a path": b"GET /v2/ HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "Host with a user": b"GET /v2/ HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "no version": b"GET /v2/\r\nHost: x\r\n\r\n",
    "two blanks": b"GET  /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab instead of a blank": b"GET\t/v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "blank behind the version": b"GET /v2/ HTTP/1.1 \r\nHost: x\r\n\r\n",
    "version in lower case": b"GET /v2/ http/1.1\r\nHost: x\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: x\r\n\r\n",
    "relative target": b"GET v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "method with a slash": b"GE/T /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "only blanks": b"   \r\n\r\n",
    "a POST without its length, then binary": b"\x00\x01\x02\x03\r\n\r\n",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One mirror for the whole table: none of it may disturb the next."""
    from harness import Mirror
    mirror = Mirror(tmp_path_factory.mktemp("shared")).start()
    yield mirror
    mirror.close()


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_requests_end_the_connection(shared, name):
    with shared.connect() as connection:
        # What follows must not be answered as a request of its own (request smuggling).
        connection.send(AMBIGUOUS[name] + b"GET /v2/smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.read_answer()
        assert (answer.status, answer["connection"]) == (400, "close"), answer
        assert answer.complete and connection.is_closed()
    assert shared.get("/v2/").status == 200


def test_a_refusal_is_logged_and_counted(make_mirror):
    mirror = make_mirror()
    with mirror.connect() as connection:
        connection.send(AMBIGUOUS["two lengths"])
        connection.read_answer()
    assert mirror.wait_log(lambda line: line["level"] == "access" and line["status"] == 400, "an access line")["refused"]
    assert mirror.stats()["requests"] == 1


def test_other_versions(shared):
    for line, status in ((b"GET /v2/ HTTP/2.0", 505), (b"GET /v2/ HTTP/1.2", 505), (b"GET /v2/ HTTP/0.9", 505)):
        with shared.connect() as connection:
            connection.send(line + b"\r\nHost: x\r\n\r\n")
            assert connection.read_answer().status == status and connection.is_closed()
    with shared.connect() as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")  # HTTP/2's preface
        assert connection.read_answer().status in (400, 505)


def test_a_tls_client_is_told_at_once(shared):
    """skopeo, podman and docker try TLS first; each would wait 10 s for a server that waits."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="x").do_handshake()
    began = time.monotonic()
    with shared.connect() as connection:
        connection.send(outgoing.read())
        answer = connection.read_answer()
        assert answer.status == 400 and answer["content-type"].startswith("text/plain") and answer.body
        assert connection.is_closed() and time.monotonic() - began < 1 * SLOW


# --- Bodies that nobody wants ---

def test_a_small_body_costs_no_connection(shared):
    with shared.connect() as connection:
        for framing in (b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"):
            connection.send(b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\n" + framing)
            assert connection.read_answer().status == 405
        connection.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        assert connection.read_answer().status == 200
        assert connection.get("/v2/").status == 200


@pytest.mark.parametrize("framing", [f"Content-Length: {100 * MIB}", "Transfer-Encoding: chunked"])
def test_a_large_body_ends_the_connection(shared, framing):
    with shared.connect() as connection:
        connection.send(f"PUT /v2/a/manifests/x HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n")
        chunk = b"100000\r\n" + b"x" * MIB + b"\r\n"
        try:
            for _ in range(100):
                connection.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            return  # it did not take it all
        pytest.fail("100 MiB were taken for nothing")


def test_the_answer_to_a_large_body_arrives(shared):
    """Announced and not yet sent: the client reads why."""
    with shared.connect() as connection:
        connection.send(f"PUT /v2/a/manifests/x HTTP/1.1\r\nHost: x\r\nContent-Length: {100 * MIB}\r\n\r\n")
        answer = connection.read_answer()
        assert answer.status in (405, 413) and connection.is_closed()


@pytest.mark.parametrize("chunks", [b"x\r\n", b"-1\r\n", b"5\r\nhelloX\r\n", b"ffffffffffffffffff\r\n", b"5\nhello\n0\n\n"])
def test_bad_chunks_end_the_connection(shared, chunks):
    with shared.connect() as connection:
        connection.send(b"POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        connection.socket.shutdown(socket.SHUT_WR)
        try:
            assert connection.read_answer().status in (400, 405)
        except CutShort:
            pass
        assert connection.is_closed()


def test_expect_continue(shared):
    with shared.connect() as connection:
        connection.send(b"PUT /v2/a/manifests/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        answer = connection.read_head()
        if answer.status == 100:
            connection.send(b"hello")
            answer = connection.read_head()
        assert answer.status == 405
    with shared.connect() as connection:
        connection.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nExpect: the-unexpected\r\n\r\n")
        assert connection.read_answer().status == 417


# --- Limits ---

LIMITS = {"http": {"limits": {"connections": 8, "requestline": "1KiB", "head": "4KiB", "body": "1KiB",
                              "headtimeout": "500ms", "idletimeout": "500ms", "writetimeout": "1s"}}}


@pytest.fixture
def strict(make_mirror, fake):
    return make_mirror(fake.url, **LIMITS)


def test_long_heads(strict):
    for request, status in ((f"GET /v2/{'a' * 1100} HTTP/1.1\r\nHost: x\r\n\r\n", 414),
                            (f"GET /v2/ HTTP/1.1\r\nHost: x\r\nA: {'b' * 5000}\r\n\r\n", 431),
                            ("GET /v2/ HTTP/1.1\r\nHost: x\r\n" + "A: b\r\n" * 1000 + "\r\n", 431)):
        with strict.connect() as connection:
            connection.send(request)
            assert connection.read_answer().status == status and connection.is_closed()


def test_a_head_that_has_no_end(strict):
    with strict.connect() as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(10_000):
            connection.send(b"A" * 1000)
        pytest.fail("10 MB of head were taken")


@pytest.mark.parametrize("begun", [b"G", b"GET /v2/ HTTP/1.1\r\nHost: x\r\n", b"POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"],
                         ids=["line", "head", "body"])
def test_slow_senders(strict, begun):
    """A byte now and then does not prolong the deadline."""
    with strict.connect() as connection:
        began = time.monotonic()
        connection.send(begun)
        connection.socket.settimeout(0.1)
        while time.monotonic() - began < 10 * SLOW:
            try:
                if connection.socket.recv(4096) == b"":
                    break
            except socket.timeout:
                try:
                    connection.send(b"x")
                except (BrokenPipeError, ConnectionResetError):
                    break
            except ConnectionResetError:
                break
        assert 0.3 < time.monotonic() - began < 3 * SLOW


def test_idle_connections_are_closed(strict):
    with strict.connect() as silent, strict.connect() as idle:
        assert idle.get("/v2/").status == 200
        assert silent.is_closed(5 * SLOW) and idle.is_closed(5 * SLOW)


def test_a_client_that_takes_nothing_is_given_up(strict, fake):
    blob = fake.blob("team/app", 32 * MIB)
    with strict.connect() as lazy:
        lazy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.send_request("GET", blob.path)
        strict.wait_log(lambda line: line["level"] == "access" and line["target"] == blob.path and line["bytes"] < blob.size,
                        "the answer was given up", 20 * SLOW)
    strict.assert_good(blob)


def test_more_connections_than_allowed(strict):
    connections = [strict.connect() for _ in range(8)]
    for connection in connections:
        assert connection.get("/v2/").status == 200
    with strict.connect() as one_more:
        assert one_more.is_closed(5 * SLOW)
    for connection in connections:
        connection.close()

    def served():
        try:
            return strict.get("/v2/").status == 200
        except (CutShort, ConnectionResetError, BrokenPipeError):
            return False

    wait_until(served, "there is room again")


def test_the_mirror_survives_nonsense(shared):
    """Random bytes, cut requests, answers that nobody reads."""
    import random
    random.seed(1)
    sound = b"GET /v2/a/blobs/sha256:" + b"0" * 64 + b" HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n"
    for round_ in range(300):
        data = bytearray(sound)
        for _ in range(random.randrange(1, 8)):
            data[random.randrange(len(data))] = random.randrange(256)
        if round_ % 3 == 0:
            data = random.randbytes(random.randrange(1, 300))
        with shared.connect() as connection:
            try:
                connection.send(bytes(data))
                connection.socket.shutdown(socket.SHUT_WR)
                while connection.more():
                    pass
            except OSError:
                pass
    assert shared.get("/v2/").status == 200
