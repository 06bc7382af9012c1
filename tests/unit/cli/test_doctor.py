from __future__ import annotations

import json

import pneumoscope


def test_it_prints_names_and_values_in_two_columns(run, tiny_bundle):
    result = run("doctor", "--bundle", tiny_bundle)
    assert result.exit_code == 0
    found = dict(line.split("  ", 1) for line in result.stdout.splitlines())
    assert found["pneumoscope"].strip() == pneumoscope.__version__
    assert len({len(line) - len(line.split("  ", 1)[1].lstrip()) for line in result.stdout.splitlines()}) == 1


def test_json_holds_the_same(run, tiny_bundle):
    found = json.loads(run("doctor", "--bundle", tiny_bundle, "--json").stdout)
    assert found["bundle"].startswith("tiny 1.2 (fp32)")
    assert found["golden check"].startswith("onnxruntime within")


def test_a_bundle_that_fails_its_check_ends_with_1(run, tiny_bundle, tmp_path):
    result = run("doctor", "--bundle", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stdout == ""
