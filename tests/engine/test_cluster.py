"""Clusters: loopback only, refused otherwise; dead workers blame nobody else."""

import os
import signal
import socket

import psutil
import pytest
from distributed import Client, LocalCluster

from pipeline.engine import cluster, window
from pipeline.engine.units import bundle
from pipeline.errors import ClusterError, UsageError
from pipeline.recipe import Recipe


@pytest.fixture(scope="module")
def client():
    with cluster.connect("local", 2, 2**30) as client:
        yield client


def double(n):
    return 2 * n


def die_on_seven(n):
    if n == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def test_everything_listens_on_loopback_alone(client):
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = {c.laddr.ip for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert client.dashboard_link.startswith("http://127.0.0.1:")


def test_all_units_come_back_with_few_in_flight(client, monkeypatch):
    seen = []
    submit = Client.submit

    def counted(self, *arguments, **options):
        seen.append(sum(f.status == "pending" for f in self.futures.values()))
        return submit(self, *arguments, **options)

    monkeypatch.setattr(Client, "submit", counted)
    results = dict(window.bounded(client, double, range(50), 4))
    assert results == {n: 2 * n for n in range(50)}
    assert max(seen) <= 4


def test_a_worker_that_dies_is_told_and_the_others_go_on(client):
    results = dict(window.bounded(client, die_on_seven, range(12), 4))
    assert set(results) == set(range(12))
    assert results[7] is None
    assert all(value in (None, n) for n, value in results.items())
    alone = dict(window.bounded(client, die_on_seven, [n for n, value in results.items() if value is None], 1))
    assert {n for n, value in alone.items() if value is None} == {7}


def test_a_lost_scheduler_is_said():
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as local,
        Client(local) as client,
    ):
        units = window.bounded(client, double, range(1000), 2)
        next(units)
        local.sync(local.scheduler.close)
        with pytest.raises(ClusterError, match="same command again"):
            list(units)


@pytest.mark.parametrize("address", ["tcp://192.0.2.7:8786", "192.0.2.7:8786", "tcp://scheduler.example:8786"])
def test_another_machine_without_tls_is_refused_unless_told_otherwise(address):
    with pytest.raises(UsageError, match="tls"), cluster.connect(address, 1, 2**30):
        pass


def test_a_scheduler_that_does_not_answer_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UsageError, match="no scheduler"), cluster.connect(address, 1, 2**30):
        pass


@pytest.mark.parametrize(("text", "size"), [("8GB", 8_000_000_000), ("512MiB", 2**29)])
def test_sizes_have_units(text, size):
    assert cluster.parse_size(text) == size


@pytest.mark.parametrize("text", ["8", "lots", "8 Gx"])
def test_sizes_without_units_are_refused(text):
    with pytest.raises(UsageError, match="8GB"):
        cluster.parse_size(text)


def test_units_are_full_but_not_fuller():
    sizes = [10**9, *[1000] * 250, 40 * 2**20, 40 * 2**20]
    volumes = [((f"v{n}", "edition"), size) for n, size in enumerate(sizes)]
    units = list(bundle("run", Recipe("raw"), volumes))
    assert [v for unit in units for v in unit.volumes] == [v for v, _ in volumes]
    assert [len(unit.volumes) for unit in units] == [1, 100, 100, 51, 1]
