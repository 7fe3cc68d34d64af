from __future__ import annotations

import subprocess
import sys

COMMAND = [sys.executable, "-c", "from nemo_sdg.cli import main; main()", "report"]


def test_it_says_where_the_page_is(simulator, qa_pipeline, run, tmp_path):
    """`nemo-sdg report` makes the page anew and says of what and where; a wrong folder is explained."""
    run(qa_pipeline(simulator().base_url, tmp_path / "out", num_samples=5))
    (tmp_path / "out" / "report.html").unlink()
    done = subprocess.run([*COMMAND, "out"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "qa: finished in" in done.stdout
    assert done.stdout.splitlines()[-1] == f"{tmp_path}/out/report.html"
    assert (tmp_path / "out" / "report.html").exists()
    wrong = subprocess.run([*COMMAND, "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "holds no run: give the output folder" in wrong.stderr
