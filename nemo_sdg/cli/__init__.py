"""The command line: `nemo-sdg`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that was typed; exits with its status."""
    from nemo_sdg.cli.app import app  # noqa: PLC0415 - so that Ctrl-C during imports is as quiet as later
    from nemo_sdg.cli.log_format import show_error  # noqa: PLC0415 - see above
    from nemo_sdg.errors import ConfigError, NemoSDGError  # noqa: PLC0415 - see above

    try:
        app(prog_name="nemo-sdg")
    except KeyboardInterrupt:
        sys.exit(130)
    except NemoSDGError as error:
        show_error(str(error))
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        show_error(f"{error.strerror or error}{where}")
        sys.exit(1)
