"""What a person types, from YAML file and command line to a checked config."""

from nemo_sdg.config.load import load_config

__all__ = ["load_config"]
