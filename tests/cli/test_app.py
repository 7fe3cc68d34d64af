from __future__ import annotations

from typer.testing import CliRunner

from nemo_sdg.cli.app import app


def typed(*arguments):
    """Return what typing a command shows."""
    return CliRunner().invoke(app, arguments)


def test_help_says_what_the_exit_status_means():
    """`nemo-sdg --help` ends with the exit statuses."""
    shown = " ".join(typed("--help").output.split())

    assert "Exit status: 0 done; 1 failed; 2 wrong options or config; 3 stopped as asked" in shown


def test_a_command_or_option_that_is_nearly_right_is_suggested():
    """A misspelt command or option ends with 2 and the name that was probably meant."""
    wrong = typed("rum")
    assert (wrong.exit_code, "Did you mean 'run'?" in wrong.output) == (2, True)

    wrong = typed("run", "job.yaml", "--num-sample", "3")
    assert (wrong.exit_code, "--num-samples" in wrong.output) == (2, True)


def test_paragraphs_of_the_help_are_filled():
    """What a command's help says is broken where the terminal ends, not where the source's lines do."""
    lines = [line.strip() for line in typed("preview", "--help").output.splitlines()]

    start = next(at for at, line in enumerate(lines) if line.startswith("Shows what is asked"))
    paragraph = lines[start : lines.index("", start)]
    assert all(len(line) > 60 for line in paragraph[:-1])
