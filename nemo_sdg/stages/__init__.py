"""What happens to rows: Arrow in, Arrow out. No Ray."""

if __name__ == "stages":
    raise ImportError("import nemo_sdg.stages: the folder stages/ is a link for reading, not a package")
