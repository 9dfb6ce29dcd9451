"""The program: how it starts, stops and says what is wrong."""
import json
import signal

import pytest

from harness import ENTREPOT, MIB, SLOW, Process, run
from http_client import wait_until


def refuses_connections(mirror):
    try:
        mirror.connect(5).close()
        return False
    except OSError:
        return True


# --- SIGTERM ---

@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_running_answer_finishes(mirror, fake, sent):
    blob = fake.blob("team/app", 8 * MIB)
    fake.fault(method="GET", path=blob.path, hold="half", hold_after=MIB)
    with mirror.connect() as connection, mirror.connect() as idle:
        assert idle.get("/v2/").status == 200
        connection.send_request("GET", blob.path)
        head = connection.read_head()
        connection.buffer[:0] = connection.read_exactly(MIB)
        mirror.process.signal(sent)
        wait_until(lambda: refuses_connections(mirror), "no new connections")
        assert idle.is_closed()
        assert mirror.process.running()
        fake.release("half")
        connection.read_body(head)
        assert head.complete and head.digest() == blob.digest
        assert connection.is_closed()
    assert mirror.process.wait() == 0
    assert mirror.files("partial") == [] and len(mirror.files("blobs")) == 1


def test_a_slow_reader_is_waited_for(mirror, fake):
    blob = fake.blob("team/app", 32 * MIB)
    with mirror.connect() as connection:
        connection.send_request("GET", blob.path)
        head = connection.read_head()
        mirror.process.signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(mirror), "no new connections")
        connection.read_body(head)
        assert head.complete and head.digest() == blob.digest
    assert mirror.process.wait() == 0


def test_the_deadline_ends_what_does_not_finish(make_mirror, fake):
    mirror = make_mirror(fake.url, http={"draintimeout": "300ms"})
    blob = fake.blob("team/app", 4 * MIB)
    fake.fault(method="GET", path=blob.path, hold="half", hold_after=MIB)
    with mirror.connect() as connection:
        connection.send_request("GET", blob.path)
        head = connection.read_head()
        assert mirror.stop() == 0
        connection.read_body(head)
        assert not head.complete
    assert max(file.stat().st_size for file in mirror.files("partial")) == MIB, "what came is kept"


def test_it_stops_at_once_when_idle(mirror, fake):
    with mirror.connect() as connection:
        connection.get("/v2/")
        mirror.process.signal(signal.SIGTERM)
        assert connection.is_closed(5 * SLOW)
    assert mirror.process.wait(5 * SLOW) == 0


def test_a_stop_while_upstream_hangs(make_mirror, fake):
    mirror = make_mirror(fake.url, http={"draintimeout": "300ms"})
    manifest, (_, blob) = fake.image("team/app", "v1")
    fake.fault(path="/v2/", hang=True)
    connections = [mirror.connect() for _ in range(3)]
    for connection, path in zip(connections, (manifest.tag_path, manifest.path, blob.path)):
        connection.send_request("GET", path)
    fake.wait_requests(3)
    mirror.process.signal(signal.SIGTERM)
    assert mirror.process.wait(10 * SLOW) == 0


# --- Starting ---

def test_it_makes_its_folder(make_mirror, fake, tmp_path):
    root = tmp_path / "not" / "there" / "yet"
    mirror = make_mirror(fake.url, storage={"filesystem": {"rootdirectory": str(root)}})
    mirror.assert_good(fake.blob("team/app", 1000))
    assert {"blobs", "partial", "catalog"} <= {path.name for path in root.iterdir()}


def test_a_second_process_on_the_same_folder_is_refused(mirror, make_mirror, fake):
    second = make_mirror(fake.url, start=False, storage={"filesystem": {"rootdirectory": str(mirror.root)}})
    second.spawn()
    second.expected_code = second.process.wait()
    assert second.expected_code not in (0, -signal.SIGABRT, -signal.SIGSEGV)
    said = "\n".join(second.process.lines)
    assert str(mirror.root) in said and ("another" in said or "in use" in said or "lock" in said.lower()), said
    mirror.assert_good(fake.blob("team/app", 1000))


def test_an_address_in_use_is_refused(mirror, make_mirror):
    second = make_mirror(start=False, http={"addr": "%s:%d" % mirror.address})
    second.spawn()
    second.expected_code = second.process.wait()
    said = "\n".join(second.process.lines)
    assert second.expected_code > 0 and "%s:%d" % mirror.address in said and "in use" in said, said


def test_a_root_that_is_no_folder(make_mirror, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    mirror = make_mirror(start=False, storage={"filesystem": {"rootdirectory": str(tmp_path / "file")}})
    mirror.spawn()
    mirror.expected_code = mirror.process.wait()
    assert mirror.expected_code > 0 and str(tmp_path / "file") in "\n".join(mirror.process.lines)


def test_root_option_overrides_the_file(mirror, fake, tmp_path):
    mirror.stop()
    process = Process([ENTREPOT, "serve", "--root", tmp_path / "elsewhere", mirror.folder / "config.yml"], tmp_path / "log")
    process.wait_line(lambda line: '"serving"' in line, "it serves")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0 and (tmp_path / "elsewhere" / "catalog").is_dir()


def test_more_connections_than_open_files_is_a_configuration_error(make_mirror):
    mirror = make_mirror(start=False, http={"limits": {"connections": 1_000_000}})
    mirror.spawn()
    mirror.expected_code = mirror.process.wait()
    said = "\n".join(mirror.process.lines)
    assert mirror.expected_code > 0 and "connections" in said, said


# --- The other commands ---

def check_config(tmp_path, text):
    file = tmp_path / "check.yml"
    file.write_text(text)
    return file, run(ENTREPOT, "check-config", file, check=False)


def test_version():
    assert "0.1" in run(ENTREPOT, "version").stdout


def test_help_and_nonsense():
    assert "check-config" in run(ENTREPOT, "--help").stdout
    done = run(ENTREPOT, "nonsense", check=False)
    assert done.returncode > 0 and done.stdout


def test_check_config_of_a_good_file(tmp_path):
    _, done = check_config(tmp_path, "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /x\nhttp:\n  addr: :5000\n")
    assert done.returncode == 0 and "error" not in done.stdout.lower()


def test_check_config_of_a_file_of_distribution(tmp_path):
    """One file starts both: what has no meaning here is a warning."""
    _, done = check_config(tmp_path, """
version: 0.1
log: {level: debug, formatter: json, fields: {service: registry}}
storage:
  filesystem: {rootdirectory: /var/lib/registry, maxthreads: 100}
  delete: {enabled: true}
http: {addr: ":5000", secret: asecret, headers: {X-Content-Type-Options: [nosniff]}}
proxy: {remoteurl: "https://registry-1.docker.io", ttl: 168h}
health: {storagedriver: {enabled: true, interval: 10s, threshold: 3}}
""")
    assert done.returncode == 0
    for key in ("storage.delete", "http.secret", "http.headers", "proxy.ttl", "health"):
        assert key in done.stdout, done.stdout


def test_all_errors_at_once(tmp_path):
    file, done = check_config(tmp_path, """version: 0.2
log:
  level: loud
http:
  addr: nowhere
  limits:
    hed: 1KiB
storage:
  filesystem:
    rootdirectroy: /x
proxy:
  remoteurl: ftp://x
""")
    assert done.returncode > 0
    for line, key in ((1, "version"), (3, "log.level"), (5, "http.addr"), (7, "http.limits.hed"), (10, "storage.filesystem.rootdirectroy"),
                      (12, "proxy.remoteurl")):
        assert f"{file}:{line}: {key}: " in done.stdout, done.stdout
    assert "rootdirectory" in done.stdout and "head" in done.stdout, "the nearest known key is named"


def test_serve_of_a_wrong_file_says_the_same(tmp_path):
    file, _ = check_config(tmp_path, "version: 0.1\nhttp: {adr: x}\n")
    done = run(ENTREPOT, "serve", file, check=False, timeout=20)
    assert done.returncode > 0 and f"{file}:2: http.adr" in done.stdout


def test_a_file_that_is_not_there(tmp_path):
    for command in ("serve", "check-config"):
        done = run(ENTREPOT, command, tmp_path / "none.yml", check=False, timeout=20)
        assert done.returncode > 0 and "none.yml" in done.stdout


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "version: 0.1\n\tx: y\n", "a: &a [*a]\n", "{" * 1000, "version: 0.1\0"])
def test_a_file_that_is_no_configuration(tmp_path, text):
    _, done = check_config(tmp_path, text)
    assert 0 < done.returncode < 128 and done.stdout


# --- The log ---

def test_an_access_line_for_each_request(mirror, fake):
    manifest, (_, blob) = fake.image("team/app", "v1")
    mirror.get(manifest.tag_path, {"User-Agent": "test \"quoted\""})
    mirror.get(blob.path)
    mirror.wait_log(lambda line: line.get("target") == blob.path, "the blob's line")
    line = mirror.wait_log(lambda line: line.get("target") == manifest.tag_path, "the manifest's line")
    assert (line["level"], line["method"], line["status"], line["bytes"], line["cache"]) == ("access", "GET", 200, manifest.size, "miss")
    assert line["remote"].startswith("127.0.0.1:") and line["seconds"] > 0


def test_the_access_log_can_be_turned_off(make_mirror):
    mirror = make_mirror(log={"accesslog": {"disabled": True}})
    mirror.get("/v2/")
    mirror.stop()
    assert not [line for line in mirror.log if line["level"] == "access"]


def test_text_log_and_forged_lines(make_mirror, tmp_path):
    """Nothing a client sends begins a line of its own or reaches the terminal as a control character."""
    mirror = make_mirror()
    mirror.get("/v2/a/manifests/x", {"User-Agent": "x\x1b]0;title\x07"})
    mirror.get("/v2/a/manifests/x?y=%0aforged")
    mirror.stop()
    assert "\x1b" not in "".join(mirror.process.lines)
    assert all(json.loads(line)["time"] for line in mirror.process.lines)
