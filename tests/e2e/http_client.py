"""An HTTP/1.1 client on plain sockets: it sends exactly the bytes it is given and hides nothing of the answer."""
import hashlib
import json
import re
import socket
import time

TIMEOUT = 30.0


class CutShort(Exception):
    """The connection ended before the answer did."""


class Answer:
    """One answer. `body` is None if it was streamed into a sink, and holds what came if it was cut short."""

    def __init__(self, version, status, headers):
        self.version, self.status, self.headers = version, status, headers
        self.body, self.length, self.complete = b"", 0, False

    def __getitem__(self, name):
        """The value of a header; several lines joined; None if there is none."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    def __contains__(self, name):
        return self[name] is not None

    def json(self):
        return json.loads(self.body)

    def error(self):
        """The code of the registry's error JSON, checking its shape."""
        assert self["content-type"] == "application/json", self
        entries = self.json()["errors"]
        assert len(entries) == 1 and entries[0]["message"], entries
        return entries[0]["code"]

    def message(self):
        return self.json()["errors"][0]["message"]

    def digest(self, algorithm="sha256"):
        return f"{algorithm}:" + hashlib.new(algorithm, self.body).hexdigest()

    def __repr__(self):
        shown = self.body[:200] if self.body is not None else "streamed"
        return f"<{self.status} {self.headers} {self.length} bytes, complete={self.complete}: {shown!r}>"


class Connection:
    """A client's connection. Every read ends after `timeout` seconds with an error."""

    def __init__(self, address, timeout=TIMEOUT):
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = f"{address[0]}:{address[1]}"
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def send_request(self, method, target, headers=(), version="1.1"):
        fields = dict(headers)
        fields.setdefault("Host", self.host)
        lines = [f"{method} {target} HTTP/{version}"] + [f"{name}: {value}" for name, value in fields.items()]
        self.send("\r\n".join(lines) + "\r\n\r\n")

    def request(self, method, target, headers=(), version="1.1", sink=None):
        self.send_request(method, target, headers, version)
        return self.read_answer(method, sink)

    def get(self, target, headers=(), **more):
        return self.request("GET", target, headers, **more)

    def more(self):
        """Receives something into the buffer; False at the connection's end."""
        piece = self.socket.recv(1 << 16)
        self.buffer += piece
        return bool(piece)

    def read_until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise CutShort(bytes(self.buffer))
        at = self.buffer.index(mark) + len(mark)
        taken = bytes(self.buffer[:at])
        del self.buffer[:at]
        return taken

    def read_exactly(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise CutShort(bytes(self.buffer))
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def read_head(self):
        lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/(1\.[01]) (\d{3}) (.*)", lines[0])
        assert match, lines[0]
        headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines[1:-2])]
        return Answer(match[1], int(match[2]), headers)

    def read_answer(self, method="GET", sink=None):
        """A whole answer. Does not raise if the body is cut short: `complete` says so."""
        answer = self.read_head()
        self.read_body(answer, method, sink)
        return answer

    def pieces(self, count):
        """`count` bytes (None: all until the connection's end) as they come."""
        scratch = memoryview(bytearray(1 << 18))
        while count is None or count > 0:
            most = len(scratch) if count is None else min(count, len(scratch))
            if self.buffer:
                piece = bytes(self.buffer[:most])
                del self.buffer[:most]
            else:
                got = self.socket.recv_into(scratch[:most])
                if got == 0 and count is None:
                    return
                if got == 0:
                    raise CutShort
                piece = scratch[:got]
            yield piece
            if count is not None:
                count -= len(piece)

    def read_body(self, answer, method="GET", sink=None):
        kept = bytearray()
        take = sink or kept.extend

        def pass_on(count):
            for piece in self.pieces(count):
                take(piece)
                answer.length += len(piece)

        try:
            if method == "HEAD" or answer.status in (204, 304):
                pass
            elif answer["transfer-encoding"] == "chunked":
                while size := int(self.read_until(b"\r\n"), 16):
                    pass_on(size)
                    assert self.read_exactly(2) == b"\r\n"
                assert self.read_until(b"\r\n") == b"\r\n"
            elif "content-length" in answer:
                pass_on(int(answer["content-length"]))
            else:
                pass_on(None)
            answer.complete = True
        except (CutShort, ConnectionResetError):
            pass
        answer.body = None if sink else bytes(kept)

    def is_closed(self, within=TIMEOUT):
        """True if the other side ends the connection, without another byte, in `within` seconds."""
        self.socket.settimeout(within)
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        finally:
            self.socket.settimeout(TIMEOUT)


def fetch(address, target, headers=(), method="GET", version="1.1", sink=None, timeout=TIMEOUT):
    """One request on a connection of its own."""
    with Connection(address, timeout) as connection:
        return connection.request(method, target, headers, version, sink)


def fetch_digest(address, target, headers=(), algorithm="sha256", timeout=TIMEOUT):
    """Streams a body through a hash: (answer, digest)."""
    hash_ = hashlib.new(algorithm)
    answer = fetch(address, target, headers, sink=hash_.update, timeout=timeout)
    return answer, f"{algorithm}:{hash_.hexdigest()}"


def wait_until(condition, what, seconds=20.0):
    """The first true value of `condition()`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.005)
