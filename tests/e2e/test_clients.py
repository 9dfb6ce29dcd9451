"""Real clients pull real images through the mirror: the first time from upstream, then from disk with upstream gone."""
import json
import os
import pathlib
import shutil

import pytest

from harness import SLOW, Process, Registry, run

IMAGES = ("library/hello:latest", "library/big:v2s2")


def without_ca_settings():
    """The shell's own certificates confuse some Go programs, and nothing here speaks TLS."""
    return {key: value for key, value in os.environ.items() if not key.endswith(("CA_BUNDLE", "CERT_FILE", "CERT_DIR"))}


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")


def unmount_below(folder):
    """What a daemon that was killed leaves mounted."""
    mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted(mounts, reverse=True):
        if mount.startswith(str(folder) + "/"):
            run("umount", "-l", mount, check=False)


@pytest.fixture
def upstream(tmp_path):
    """docker-registry with two images: one in OCI's format, one in Docker's and with 8 MB of noise."""
    need("docker-registry", "umoci", "skopeo")
    registry = Registry(tmp_path / "upstream")
    work = tmp_path / "images"
    work.mkdir()
    layout = work / "oci"
    (work / "hello").write_text("hello\n" * 100)
    (work / "noise").write_bytes(os.urandom(8_000_000))
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", f"{layout}:hello")
    run("umoci", "insert", "--image", f"{layout}:hello", work / "hello", "/hello")
    run("umoci", "insert", "--image", f"{layout}:hello", "--tag", "big", work / "noise", "/noise")
    for tag, name, form in (("hello", IMAGES[0], "oci"), ("big", IMAGES[1], "v2s2")):
        run("skopeo", "--insecure-policy", "copy", "--format", form, "--dest-tls-verify=false", f"oci:{layout}:{tag}",
            f"docker://{registry.name}/{name}", env=without_ca_settings())
    yield registry
    registry.stop()


class Skopeo:
    def __init__(self, folder, mirror):
        need("skopeo")
        self.pulled = folder / "pulled"
        self.registries = folder / "registries.conf"
        self.registries.write_text(f"""
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "{mirror.address[0]}:{mirror.address[1]}"
insecure = true
""")

    def pull(self, image):
        run("skopeo", "--insecure-policy", "--registries-conf", self.registries, "copy", f"docker://docker.io/{image}",
            f"dir:{self.pulled}", env=without_ca_settings())
        return (self.pulled / "manifest.json").read_bytes()

    def remove(self, image):
        shutil.rmtree(self.pulled, ignore_errors=True)

    def close(self):
        pass


class Podman:
    def __init__(self, folder, mirror):
        need("podman")
        need_root()
        files = {
            "auth.json": '{"auths":{}}',
            "storage.conf": f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n',
            "registries.conf": f"""
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "{mirror.address[0]}:{mirror.address[1]}"
insecure = true
""",
            # The defaults raise limits that a container without CAP_SYS_RESOURCE cannot raise.
            "containers.conf": '[containers]\ndefault_ulimits = ["nofile=1024:1024"]\nnetns = "host"\n[engine]\nruntime = "runc"\n',
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        self.folder = folder
        self.environment = without_ca_settings() | {
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"), "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"), "REGISTRY_AUTH_FILE": str(folder / "auth.json")}
        probe = self._podman("info", check=False)
        if probe.returncode != 0:
            pytest.skip(f"podman does not run here: {probe.stdout[-500:]}")

    def _podman(self, *arguments, **more):
        return run("podman", *arguments, env=self.environment, **more)

    def pull(self, image):
        self._podman("pull", f"docker.io/{image}")
        return json.loads(self._podman("inspect", f"docker.io/{image}").stdout)[0]["RootFS"]["Layers"]

    def remove(self, image):
        self._podman("rmi", "--force", f"docker.io/{image}")

    def close(self):
        unmount_below(self.folder)


class Containerd:
    def __init__(self, folder, mirror):
        need("containerd", "ctr")
        need_root()
        self.folder = folder
        self.socket = folder / "containerd.sock"
        (folder / "config.toml").write_text(f"""
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{self.socket}"
""")
        (folder / "hosts/docker.io").mkdir(parents=True)
        (folder / "hosts/docker.io/hosts.toml").write_text(
            f'server = "{mirror.url}"\n[host."{mirror.url}"]\n  capabilities = ["pull", "resolve"]\n')
        self.daemon = Process(["containerd", "-c", folder / "config.toml"], folder / "containerd.log", env=without_ca_settings())
        try:
            self.daemon.wait_line(lambda line: "containerd successfully booted" in line, "containerd runs")
        except AssertionError as error:
            self.close()
            pytest.skip(f"containerd does not run here: {error}")

    def _ctr(self, *arguments):
        return run("ctr", "-a", self.socket, *arguments, env=without_ca_settings())

    def pull(self, image):
        self._ctr("images", "pull", "--snapshotter", "native", "--hosts-dir", self.folder / "hosts", f"docker.io/{image}")
        return self._ctr("images", "ls", f"name==docker.io/{image}").stdout.split()[-5:]

    def remove(self, image):
        self._ctr("images", "rm", "--sync", f"docker.io/{image}")
        # Its garbage collector is in no hurry.
        for digest in self._ctr("content", "ls", "-q").stdout.split():
            self._ctr("content", "rm", digest)

    def close(self):
        self.daemon.process.terminate()
        self.daemon.wait()
        unmount_below(self.folder)


class Docker:
    def __init__(self, folder, mirror):
        need("dockerd", "docker")
        need_root()
        self.folder = folder
        self.program = "/usr/bin/docker" if os.path.exists("/usr/bin/docker") else "docker"
        (folder / "daemon.json").write_text("{}")
        (folder / "client").mkdir()
        (folder / "client/config.json").write_text("{}")
        self.environment = without_ca_settings() | {"DOCKER_HOST": f"unix://{folder}/docker.sock", "DOCKER_CONFIG": str(folder / "client")}
        errors = []
        for driver in ("overlay2", "vfs"):
            self.daemon = Process(["dockerd", f"--data-root={folder}/data-{driver}", f"--exec-root={folder}/exec",
                                   f"--pidfile={folder}/dockerd.pid", f"--host=unix://{folder}/docker.sock", f"--storage-driver={driver}",
                                   "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--bridge=none",
                                   f"--registry-mirror={mirror.url}", f"--config-file={folder}/daemon.json"],
                                  folder / "dockerd.log", env=without_ca_settings())
            try:
                self.daemon.wait_line(lambda line: "API listen on" in line, "dockerd runs", 60)
                return
            except AssertionError as error:
                errors.append(str(error))
                self.close()
        pytest.skip(f"dockerd does not run here: {errors}")

    def _docker(self, *arguments):
        return run(self.program, *arguments, env=self.environment)

    def pull(self, image):
        name = image.removeprefix("library/")
        assert "Downloaded newer image" in self._docker("pull", name).stdout
        return json.loads(self._docker("image", "inspect", name).stdout)[0]["RootFS"]["Layers"]

    def remove(self, image):
        self._docker("image", "rm", "--force", image.removeprefix("library/"))

    def close(self):
        self.daemon.process.terminate()
        self.daemon.wait()
        unmount_below(self.folder)


@pytest.mark.parametrize("kind", [Docker, Containerd, Podman, Skopeo], ids=lambda kind: kind.__name__.lower())
def test_pulls_through_the_mirror(make_mirror, upstream, kind):
    mirror = make_mirror(upstream.url)
    # Not in pytest's folder: the paths of sockets must be short.
    folder = pathlib.Path(run("mktemp", "-d", "/tmp/entrepot-e2e-XXXXXX").stdout.strip())
    client = None
    try:
        client = kind(folder, mirror)
        first = {image: client.pull(image) for image in IMAGES}
        cold = mirror.wait_stats(lambda stats: not stats["fills"] and stats["blobs"]["count"] >= 4, "both images are kept")
        assert cold["misses"] > 0 and cold["bytes"]["fetched"] > 8_000_000
        for image in IMAGES:
            client.remove(image)

        upstream.stop()
        assert {image: client.pull(image) for image in IMAGES} == first
        warm = mirror.stats()
        assert warm["hits"] > cold["hits"] and warm["misses"] == cold["misses"]
        assert warm["bytes"]["hit"] - cold["bytes"]["hit"] > 8_000_000
        assert warm["bytes"]["fetched"] == cold["bytes"]["fetched"] and warm["stale"] == 0
        if kind is Containerd:
            assert any("ns=docker.io" in line.get("target", "") for line in mirror.log), "it names the registry it means"
    finally:
        if client:
            client.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_skopeo_and_podman_try_tls_first(make_mirror, upstream):
    """They are answered at once, and go on in plain HTTP."""
    mirror = make_mirror(upstream.url)
    run("skopeo", "--insecure-policy", "inspect", "--tls-verify=false", f"docker://{mirror.address[0]}:{mirror.address[1]}/{IMAGES[0]}",
        env=without_ca_settings(), timeout=8 * SLOW)
    assert [line for line in mirror.log if line.get("status") == 400 and "TLS" in line.get("refused", "")]
