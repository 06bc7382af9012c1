"""What every file format promises: whole or not at all, in input order, in flat memory."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pneumoscope.core import PneumoscopeError
from pneumoscope.report import CsvReport, HtmlReport, JsonlReport


@pytest.fixture(params=[".csv", ".jsonl", ".html"])
def make(request, tmp_path, about):
    path = tmp_path / "new" / f"report{request.param}"
    formats = {".csv": CsvReport, ".jsonl": JsonlReport, ".html": lambda p: HtmlReport(p, about)}
    return lambda: (formats[request.param](path), path)


def break_off(report, items):
    def add_and_stop():
        report.add(report.render(*items[0]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), report:
        add_and_stop()


def test_nothing_has_its_name_before_the_end(make, items):
    report, path = make()
    with report:
        report.add(report.render(*items[0]))
        assert not path.exists()
    assert path.exists()
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_no_file(make, items):
    report, path = make()
    break_off(report, items)
    assert list(path.parent.iterdir()) == []


def test_an_error_keeps_the_old_file(make, items):
    report, path = make()
    path.write_text("old")
    break_off(report, items)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_closing_twice_and_aborting_after_closing_do_nothing(make):
    report, path = make()
    report.close()
    report.close()
    report.abort()
    assert path.exists()


def test_aborting_twice_does_nothing(make):
    report, path = make()
    report.abort()
    report.abort()
    report.close()
    assert list(path.parent.iterdir()) == []


def test_a_file_that_cannot_take_its_name_is_told_and_leaves_nothing(make, monkeypatch):
    def refuse(self, target):
        raise PermissionError(13, "Permission denied")

    report, path = make()
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PneumoscopeError, match="Permission denied"):
        report.close()
    assert list(path.parent.iterdir()) == []


def test_an_error_while_closing_leaves_no_page(tmp_path, about, monkeypatch):
    report = HtmlReport(tmp_path / "report.html", about)
    monkeypatch.setattr("pneumoscope.report.html._page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.close()
    assert list(tmp_path.iterdir()) == []


def test_memory_stays_flat(make, item):
    report, path = make()
    tracemalloc.start()
    try:
        with report:
            for index in range(3000):
                report.add(report.render(*item(f"film-{index}.png", index / 3000, [[0.1, 0.9], [0.5, 0.2]])))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # what may be kept is a few numbers a film
    assert peak < path.stat().st_size / 4


def test_many_threads_render_what_one_does(make, items):
    report, _ = make()
    with report, ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda item: report.render(*item), items * 20))
        assert many == [report.render(*item) for item in items] * 20
