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
        ("a: [1, 2", "cannot be read: line 1, column 9"),
        ("- 1\n- 2\n", "holds a list: write 'key: value' lines"),
        ("", "is empty: write 'key: value' lines"),
        (
            "pipeline: !!python/object/apply:os.system ['true']",
            "cannot be read: line 1, column 11: the tag !!python/object/apply:os.system",
        ),
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n", r"job\.yaml is no text: byte 1 is not UTF-8; save it as UTF-8"),
        (YAML.encode("utf-16"), r"job\.yaml is text in UTF-16; save it as UTF-8"),
        (b"\0" * 10, r"character 1 is '\\x00', which is not allowed"),
        (b"# " + b"x" * (16 << 20), r"job\.yaml is larger than 16 MiB: give a YAML file"),
        (
            YAML.encode() + b"output: other\n",
            "line 8, column 1: the key 'output' is there twice, first in line 6",
        ),
    ],
)
def test_files_that_are_no_config(config_file, content, message):
    """Whatever a file holds, what is wrong and what to do is said, and nothing in it is executed."""
    config_file.write_bytes(content)

    with pytest.raises(ConfigError, match=message):
        load_config(config_file)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", r"the config file \. cannot be read: Is a directory; give a YAML file"),
        ("/dev/zero", "/dev/zero is larger than 16 MiB"),
        ("a\0b", "a path cannot hold a NUL character; take it out"),
        ("x" * 5000, "File name too long; give a YAML file"),
    ],
)
def test_paths_that_are_no_config(path, message):
    """A folder, a device without end and names that no file can have are refused by name."""
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_a_loop_of_links(tmp_path):
    """A file that cannot be opened is refused with the reason that the system gives."""
    (tmp_path / "job.yaml").symlink_to("job.yaml")

    with pytest.raises(
        ConfigError, match=r"job\.yaml cannot be read: Too many levels of symbolic links; give"
    ):
        load_config(tmp_path / "job.yaml")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (r'prompt="\uD800 {language}"', "prompt has half of a surrogate pair at character 1"),
        (r'languages=[a, "b\0"]', r"languages\.1 has a NUL character at character 2: take it out"),
        (r'output="a\0b"', "output has a NUL character at character 2"),
        ("languages=[no]", r"languages\.0 is False: input should be a valid string; write it in quotes"),
        ("prompt=3", "prompt is 3: input should be a valid string; write it in quotes"),
        ("num_samples=.nan", "num_samples is nan: input should be a finite number"),
        ("num_samples=[1]", r"num_samples is \[1\]: input should be a valid integer"),
        ("client.timeout={a: 1, a: 2}", "line 1, column 8: the key 'a' is there twice"),
        (
            "a=!!python/object/apply:os.system [x]",
            "--set .*the tag !!python/object/apply:os.system is not allow",
        ),
        ("languages=&a [*a]", "--set .*this refers to itself"),
        ("pipeline=../x", r"pipeline is '\.\./x': allowed is multilingual_qa"),
        ("__class__=1", "__class__: there is no such key"),
        ("generation.__init__=1", "no '__init__'"),
        ("num_samples.x=1", "num_samples.x cannot be set: num_samples is 10, which has no keys below it"),
        ("num_samples=2026-11-21", "num_samples is '2026-11-21': input should be a valid integer"),
    ],
)
def test_values_that_cannot_be_used(config_file, assignment, message):
    """Texts that nothing can hold, other types and other tags are refused by their key, from any place."""
    with pytest.raises(ConfigError, match=message):
        load_config(config_file, {}, [assignment])
    key, _, value = assignment.partition("=")
    if "." not in key and "--set" not in message and "line" not in message:
        config_file.write_text(
            "".join(f"{line}\n" for line in YAML.splitlines() if not line.startswith(f"{key}:"))
            + f"{key}: {value}\n"
        )
        with pytest.raises(ConfigError, match=message):
            load_config(config_file)


def test_a_long_value_is_not_repeated_whole(config_file):
    """A document given by mistake does not flood the terminal, wherever it stands."""
    for assignment in (f"pipeline={'x' * 5000}", f"num_samples={'x' * 5000}"):
        with pytest.raises(ConfigError) as caught:
            load_config(config_file, {}, [assignment])
        assert len(str(caught.value)) < 500
