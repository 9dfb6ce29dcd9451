"""The verbs of the end-to-end tests: a Mirror under test, a Fake upstream that misbehaves on command, a real Registry.

Environment: ENTREPOT and FAKE_REGISTRY name the binaries (default: build/release), so that the same suite runs
against the sanitizer builds. E2E_BLOB_MIB, E2E_CLIENTS, E2E_FIRST_BYTE_MS, E2E_RSS_MIB (test_fill.py), E2E_KILLS and
E2E_CRASH_MIB (test_crash.py) are the sizes and limits of the large tests.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading

from http_client import TIMEOUT, Connection, fetch, fetch_digest, wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ENTREPOT = pathlib.Path(os.environ.get("ENTREPOT", SOURCE / "build/release/entrepot"))
FAKE_REGISTRY = pathlib.Path(os.environ.get("FAKE_REGISTRY", SOURCE / "build/release/tests/support/fake_registry"))

MIB = 1 << 20
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
NO_DIGEST = "sha256:" + "0" * 64


def _sanitized():
    """Whether the binary is a sanitizer's: slower and larger, and its figures say nothing."""
    data = ENTREPOT.read_bytes() if ENTREPOT.exists() else b""
    return b"__asan_init" in data or b"__tsan_init" in data


SANITIZED = _sanitized()
SLOW = 8.0 if SANITIZED else 1.0  # what limits of time are multiplied by


def number(name, default):
    return int(os.environ.get(name, default))


def together(jobs, timeout=120.0):
    """Runs callables side by side; their results in order."""
    with concurrent.futures.ThreadPoolExecutor(max(1, len(jobs))) as pool:
        return [future.result(timeout) for future in [pool.submit(job) for job in jobs]]


def merged(base, extra):
    out = dict(base)
    for key, value in extra.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


class Process:
    """A child whose output lines are kept and can be waited for."""

    def __init__(self, command, log_file, **popen):
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", **popen)
        self.reader = threading.Thread(target=self._read, args=(log_file,), daemon=True)
        self.reader.start()

    def _read(self, log_file):
        with open(log_file, "a") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                with self.changed:
                    self.lines.append(line.rstrip("\n"))
                    self.changed.notify_all()
        with self.changed:
            self.reader = None
            self.changed.notify_all()

    def wait_line(self, wanted, what, seconds=20.0 * SLOW):
        """The first line for which `wanted(line)` is true; that value."""
        found = []

        def search():
            found[:] = [value for value in map(wanted, self.lines) if value][:1]
            return found or self.reader is None

        with self.changed:
            ended = self.changed.wait_for(search, seconds)
            if found:
                return found[0]
            tail = "\n".join(self.lines[-20:])
        raise AssertionError(f"{'it ended' if ended else f'{seconds} s passed'} before: {what}\n{tail}")

    def signal(self, number):
        self.process.send_signal(number)

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds=30.0 * SLOW):
        """The exit code, when all output has been read."""
        code = self.process.wait(seconds)
        reader = self.reader
        if reader:
            reader.join(10)
        return code


class Mirror:
    """entrepot on a folder of its own."""

    def __init__(self, folder, upstream=None, **config):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.root = self.folder / "data"
        self.config = {
            "version": "0.1",
            "log": {"level": "info", "formatter": "json"},
            "storage": {"filesystem": {"rootdirectory": str(self.root)}},
            "http": {"addr": "127.0.0.1:0", "draintimeout": "10s", "debug": {"addr": "127.0.0.1:0"}},
            "proxy": {"timeouts": {"connect": "2s", "head": "5s", "stall": "5s"}},
            "cache": {"freshness": "60s", "revalidatetimeout": "2s"},
        }
        if upstream:
            self.config["proxy"] |= {"remoteurl": upstream, "namespaces": ["docker.io"]}
        self.config = merged(self.config, config)
        if not upstream and "remoteurl" not in self.config["proxy"]:
            del self.config["proxy"]
        self.process = None
        self.expected_code = None

    # --- Its life ---

    def start(self, **config):
        self.spawn(**config)
        line = self.process.wait_line(self._serving, "the log line 'serving'")
        self.address = self._parse(line["address"])
        self.debug_address = self._parse(line["debug"])
        return self

    def spawn(self, **config):
        """Starts it without waiting until it serves."""
        self.config = merged(self.config, config)
        file = self.folder / "config.yml"
        file.write_text(json.dumps(self.config, indent=1))  # JSON is YAML
        suppressions = f"suppressions={SOURCE}/tests/tsan.supp"
        environment = os.environ | {"TSAN_OPTIONS": f"{os.environ.get('TSAN_OPTIONS', '')} {suppressions}"}
        self.process = Process([ENTREPOT, "serve", file], self.folder / "mirror.log", env=environment)
        self.expected_code = 0

    def stop(self):
        """SIGTERM; the exit code."""
        self.process.signal(signal.SIGTERM)
        return self.check_end()

    def kill(self):
        """kill -9: no time to tidy up."""
        self.process.signal(signal.SIGKILL)
        self.expected_code = -signal.SIGKILL
        self.check_end()

    def restart(self, **config):
        if self.process.running():
            self.stop()
        return self.start(**config)

    def check_end(self):
        code = self.process.wait()
        lines = self.process.lines[:-1] if code == -signal.SIGKILL else self.process.lines  # the last may be half a line
        strange = [line for line in lines if not self._parsed(line)]
        assert not strange, "not a log line (a crash, a sanitizer's report):\n" + "\n".join(strange[:100])
        assert code == self.expected_code, f"exit code {code}"
        return code

    def close(self):
        try:
            if self.process is not None and self.process.running():
                self.stop()
            elif self.process is not None:
                self.check_end()
        finally:
            if self.process is not None and self.process.running():
                self.process.signal(signal.SIGKILL)
                self.process.wait()
            # Unlinking is slow on some disks: only what is large goes before the run's whole folder does.
            if sum(file.stat().st_size for file in self.files("")) > 100 * MIB:
                shutil.rmtree(self.root, ignore_errors=True)

    @staticmethod
    def _parse(address):
        host, _, port = address.rpartition(":")
        return host, int(port)

    @staticmethod
    def _parsed(line):
        try:
            return json.loads(line)
        except ValueError:
            return None

    @classmethod
    def _serving(cls, line):
        event = cls._parsed(line)
        return event if event and event.get("msg") == "serving" else None

    # --- What it says ---

    @property
    def url(self):
        return "http://%s:%d" % self.address

    @property
    def debug_url(self):
        return "http://%s:%d" % self.debug_address

    @property
    def log(self):
        """The lines of this run, parsed."""
        return [self._parsed(line) for line in list(self.process.lines)]

    def wait_log(self, wanted, what, seconds=5.0 * SLOW):
        """The first line (as a dict) for which `wanted` is true."""
        return self.process.wait_line(lambda line: (event := self._parsed(line)) and wanted(event) and event, what, seconds)

    def wait_event(self, *words):
        """The first event, not an access line, in which all of `words` stand."""
        return self.wait_log(lambda event: event["level"] != "access" and all(word in json.dumps(event) for word in words),
                             f"a log line with {words}")

    def stats(self):
        return fetch(self.debug_address, "/stats").json()

    def wait_stats(self, condition, what):
        """Figures are written after the answer has gone: they are waited for."""
        return wait_until(lambda: (stats := self.stats()) and condition(stats) and stats, what, 20 * SLOW)

    def status(self, name):
        """A line of /proc/PID/status in KiB: VmRSS, VmHWM."""
        text = pathlib.Path(f"/proc/{self.process.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith(name + ":")))

    def files(self, under):
        """The files below ROOT/`under`."""
        return sorted(path for path in (self.root / under).rglob("*") if path.is_file())

    # --- What is asked of it ---

    def connect(self, timeout=TIMEOUT * SLOW):
        return Connection(self.address, timeout)

    def get(self, target, headers=(), **more):
        return fetch(self.address, target, headers, timeout=TIMEOUT * SLOW, **more)

    def head(self, target, headers=()):
        return self.get(target, headers, method="HEAD")

    def get_digest(self, blob, headers=()):
        """Streams a blob: (answer, digest of what came)."""
        algorithm = blob.digest.split(":")[0]
        return fetch_digest(self.address, blob.path, headers, algorithm, timeout=120 * SLOW)

    def assert_good(self, blob):
        answer, digest = self.get_digest(blob)
        assert answer.status == 200 and answer.complete and digest == blob.digest, answer
        return answer


class Content:
    """A blob or a manifest in a repository of the upstream."""

    def __init__(self, fake, repository, kind, digest, size, tag=None, body=None):
        self.fake, self.repository, self.kind = fake, repository, kind
        self.digest, self.size, self.tag, self.body = digest, size, tag, body

    @property
    def path(self):
        return f"/v2/{self.repository}/{self.kind}/{self.digest}"

    @property
    def tag_path(self):
        return f"/v2/{self.repository}/{self.kind}/{self.tag}"

    def descriptor(self, media_type):
        return {"mediaType": media_type, "digest": self.digest, "size": self.size}

    def bytes(self):
        """The true bytes of a blob."""
        return fetch(self.fake.address, f"/cdn/{self.digest}").body


class Fake:
    """The scripted upstream: tests/support/fake_registry.h says what it understands."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = 0
        self.added = []
        self.start()

    def start(self):
        """Also again, after stop(): on the same port and with the same content."""
        self.process = Process([FAKE_REGISTRY, "--port", self.port], self.folder / "fake.log")
        line = self.process.wait_line(lambda line: line.startswith("listening ") and line, "the fake listens")
        self.port = int(line.rsplit(":", 1)[1])
        for path, body in self.added:
            self.control("POST", path, body)

    def stop(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    @property
    def address(self):
        return "127.0.0.1", self.port

    @property
    def name(self):
        """What the mirror calls this upstream."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.name}"

    def control(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        with Connection(self.address, 60) as connection:
            connection.send(f"{method} {path} HTTP/1.1\r\nHost: fake\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
            answer = connection.read_answer()
        assert answer.status == 200, answer
        return answer.json()

    def _add(self, path, body):
        self.added.append((path, body))
        return self.control("POST", path, body)

    # --- Content ---

    def blob(self, repository, size=None, seed=1, content=None, **more):
        wanted = {"repository": repository, **more}
        wanted |= {"content": content} if content is not None else {"size": size, "seed": seed}
        made = self._add("/-/blobs", wanted)
        return Content(self, repository, "blobs", made["digest"], made["size"])

    def manifest(self, repository, body, tag=None, media_type=OCI_MANIFEST, **more):
        body = body if isinstance(body, str) else json.dumps(body)
        wanted = {"repository": repository, "media_type": media_type, "body": body, **({"tag": tag} if tag else {}), **more}
        made = self._add("/-/manifests", wanted)
        return Content(self, repository, "manifests", made["digest"], made["size"], tag, body.encode())

    def image(self, repository, tag="latest", layers=(1000,), seed=1):
        """(manifest, [config, layer...])"""
        config = self.blob(repository, content=json.dumps({"architecture": "amd64", "os": "linux", "seed": seed}))
        blobs = [self.blob(repository, size, seed * 1000 + i) for i, size in enumerate(layers)]
        body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(OCI_CONFIG),
                "layers": [blob.descriptor(OCI_LAYER) for blob in blobs]}
        return self.manifest(repository, body, tag), [config, *blobs]

    def remove_tag(self, repository, tag):
        self.control("DELETE", "/-/tags", {"repository": repository, "tag": tag})

    # --- Faults ---

    def fault(self, **rule):
        self.control("POST", "/-/faults", rule)

    def clear_faults(self):
        self.control("DELETE", "/-/faults")

    def release(self, hold=None):
        self.control("POST", "/-/release", {"hold": hold} if hold else {})

    def auth(self, **wanted):
        self.control("POST", "/-/auth", wanted)

    def expire_tokens(self):
        self.control("POST", "/-/expire")

    # --- The diary ---

    def requests(self, path="", method=None):
        """What was asked for under `path` (a part of the target)."""
        return [r for r in self.control("GET", "/-/requests") if path in r["target"] and method in (None, r["method"])]

    def asked(self, path=""):
        """The same as "METHOD target", for comparing."""
        return [f"{r['method']} {r['target']}" for r in self.requests(path)]

    def wait_requests(self, count, path="", method=None):
        return wait_until(lambda: len(found := self.requests(path, method)) >= count and found,
                          f"{count} requests of upstream for {path}", 20 * SLOW)

    def forget(self):
        self.control("DELETE", "/-/requests")

    def body_sent(self, path="/v2/"):
        return sum(r["body_sent"] for r in self.requests(path))


class Registry:
    """Debian's docker-registry, as a plain upstream."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {"version": "0.1", "log": {"level": "info", "formatter": "json"},
                  "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}}, "http": {"addr": "127.0.0.1:0"}}
        (self.folder / "config.yml").write_text(json.dumps(config))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("REGISTRY_")}
        self.process = Process(["docker-registry", "serve", self.folder / "config.yml"], self.folder / "registry.log", env=environment)
        line = self.process.wait_line(lambda line: "listening on 127.0.0.1:" in line and line, "docker-registry listens")
        self.port = int(line.split("listening on 127.0.0.1:")[1].split('"')[0].split(",")[0])
        self.name = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.name}"

    def stop(self):
        if self.process.running():
            self.process.signal(signal.SIGKILL)
            self.process.wait()


def run(*command, timeout=120, check=True, **more):
    """A command to its end; its output is in the error if it fails."""
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout, **more)
    assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}"
    return done
