from __future__ import annotations

import pytest

from nemo_sdg.config import load_config
from nemo_sdg.errors import ConfigError

YAML = """
pipeline: multilingual_qa
num_samples: 10
languages: [English, French]
prompt: "Write in {language}"
output: out
generation: {temperature: 0.9}
"""


@pytest.fixture
def config_file(tmp_path):
    """Return a config file that is right."""
    file = tmp_path / "job.yaml"
    file.write_text(YAML)
    return file


def test_the_shipped_config_is_valid(request):
    """The config in the repository loads as it is."""
    config = load_config(request.config.rootpath / "configs" / "multilingual_qa.yaml")

    assert config.simulated
    assert config.num_samples == 200


def test_changes_win_over_the_file_and_assignments_over_both(config_file):
    """What the command line says replaces what the file says; --set reaches any key, in YAML."""
    config = load_config(
        config_file,
        {"num_samples": 20, "generation.temperature": 0.1, "client.timeout": 5},
        ["generation.temperature=0.5", "languages=[Greek]", "client.max_retries=7"],
    )

    assert config.num_samples == 20
    assert config.generation.temperature == 0.5
    assert config.languages == ["Greek"]
    assert (config.client.timeout, config.client.max_retries) == (5, 7)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("num_sample=5", r"num_sample: there is no such key; did you mean 'num_samples'\?"),
        ("client.max_retires=5", r"client\.max_retires: there is no such key; did you mean 'max_retries'\?"),
        ("generation.temprature=1", r"no 'temprature': did you mean 'temperature'\?"),
        ("generation.temperature=3", r"temperature is 3: give a number from 0\.0 to 2\.0"),
        ("num_samples=0", "num_samples is 0: .*greater than or equal to 1"),
        ("format=csv", "format is 'csv': .*'parquet' or 'jsonl'"),
        ("workers=two", "workers: 'two' is no number of workers: give a whole number of at least 1, or auto"),
        ("api_key_env=sk-12345", "give the name of an environment variable"),
        ("api_key=sk-12345", "api_key: there is no such key; did you mean 'api_key_env'"),
        ("languages=[]", "languages is"),
        ("base_url=http://localhost:1/v1", "model is missing: name the model"),
        ("pipeline=multilingual_qu", r"did you mean multilingual_qa\?"),
    ],
)
def test_faults_name_key_value_and_remedy(config_file, assignment, message):
    """Each fault names the key, the value seen, what is allowed, and the nearest key of a misspelling."""
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(config_file, {}, [assignment])

    assert "sk-12345" not in str(caught.value)


def test_all_faults_are_said_at_once(config_file):
    """A config with several faults is not told one fault for each run."""
    with pytest.raises(ConfigError) as caught:
        load_config(config_file, {"num_samples": 0, "format": "csv", "wrkers": 3})

    assert all(key in str(caught.value) for key in ("num_samples", "format", "wrkers"))


def test_missing_keys_say_what_they_are_for(config_file):
    """A required key that is not there is explained."""
    config_file.write_text(
        "pipeline: multilingual_qa\noutput: out\nprompt: x {language}\nlanguages: [Greek]\n"
    )

    with pytest.raises(ConfigError, match="num_samples is missing: Rows to make"):
        load_config(config_file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "is not YAML: line"),
        ("- 1\n- 2\n", "holds list: write 'key: value' lines"),
        ("", "holds NoneType"),
        ("pipeline: !!python/object/apply:os.system ['true']", "is not YAML"),
        ("num_samples: 3", "pipeline is missing: allowed is multilingual_qa"),
    ],
)
def test_broken_yaml_is_explained(tmp_path, text, message):
    """A file that is no config is named with what is wrong; nothing in it is executed."""
    file = tmp_path / "bad.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=message):
        load_config(file)


def test_a_missing_file_suggests_the_nearest(config_file):
    """A misspelt file name gets the name of the file that was probably meant."""
    with pytest.raises(ConfigError, match=r"did you mean .*job\.yaml\?"):
        load_config(config_file.with_name("job.yml"))


@pytest.mark.parametrize("assignment", ["generation", "=3", "a=[1"])
def test_assignments_that_are_none_are_explained(config_file, assignment):
    """--set without key or with a value that is no YAML says how to write it."""
    with pytest.raises(ConfigError, match="--set"):
        load_config(config_file, {}, [assignment])
