from __future__ import annotations

from pathlib import Path

import nemo_sdg.limits


def test_all_is_what_is_public():
    """`__all__` names exactly the public names of the package that are no modules."""
    modules = {path.stem for path in Path(nemo_sdg.limits.__file__).parent.glob("*.py")}
    public = {name for name in vars(nemo_sdg.limits) if not name.startswith("_")}

    assert set(nemo_sdg.limits.__all__) == public - modules - {"annotations"}
