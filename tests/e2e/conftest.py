import pytest

from harness import ENTREPOT, FAKE_REGISTRY, Fake, Mirror


def pytest_configure():
    for binary in (ENTREPOT, FAKE_REGISTRY):
        if not binary.exists():
            pytest.exit(f"{binary} is not built: cmake --preset release && cmake --build --preset release", 2)


@pytest.fixture
def make_fake(tmp_path):
    """Upstreams, ended with the test."""
    made = []

    def make():
        made.append(Fake(tmp_path / f"upstream{len(made)}"))
        return made[-1]

    yield make
    for fake in made:
        fake.stop()


@pytest.fixture
def fake(make_fake):
    return make_fake()


@pytest.fixture
def make_mirror(tmp_path):
    """Mirrors, ended with the test; how they ended is part of it."""
    made = []

    def make(upstream=None, start=True, **config):
        mirror = Mirror(tmp_path / f"mirror{len(made)}", upstream, **config)
        made.append(mirror)
        return mirror.start() if start else mirror

    yield make
    errors = []
    for mirror in made:
        try:
            mirror.close()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def mirror(make_mirror, fake):
    """A mirror of `fake`."""
    return make_mirror(fake.url)
