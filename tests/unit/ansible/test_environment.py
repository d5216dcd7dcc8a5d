from __future__ import annotations

import pytest

from kolla.ansible import environment

UNPARSED = """\
[WARNING]: Failed to parse inventory with 'yaml' plugin: YAML parsing failed: no value.

Failed to parse inventory with 'yaml' plugin.

[WARNING]: Failed to parse inventory with 'ini' plugin: not enough values

[ERROR]: Completely failed to parse inventory source /x
"""


def test_only_what_reaches_hosts_and_opens_vaults_is_kept_of_the_operators_settings() -> None:
    made = environment.variables(
        {
            "HOME": "/home/me",
            "ANSIBLE_CONFIG": "/home/me/ansible.cfg",
            "ANSIBLE_VERBOSITY": "5",
            "ANSIBLE_LOG_PATH": "/tmp/log",
            "ANSIBLE_DEBUG": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_VAULT_PASSWORD_FILE": "/home/me/vault",
        }
    )
    assert made == {
        "HOME": "/home/me",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_VAULT_PASSWORD_FILE": "/home/me/vault",
        "ANSIBLE_CONFIG": str(environment.CONFIGURATION),
        "LC_ALL": "C.UTF-8",
    }
    assert environment.CONFIGURATION.is_file()


def test_files_of_the_operator_are_found_from_wherever_ansible_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/usr")
    monkeypatch.setenv("HOME", "/home/me")
    given = {"ANSIBLE_VAULT_PASSWORD_FILE": "share/vault", "ANSIBLE_PRIVATE_KEY_FILE": "~/key"}
    made = environment.variables(given)
    assert made["ANSIBLE_VAULT_PASSWORD_FILE"] == "/usr/share/vault"
    assert made["ANSIBLE_PRIVATE_KEY_FILE"] == "/home/me/key"


def test_what_parsers_had_against_a_source_follows_the_error() -> None:
    assert environment.condensed(UNPARSED).splitlines() == [
        "Completely failed to parse inventory source /x",
        "  as yaml: YAML parsing failed: no value.",
        "  as ini: not enough values",
    ]


def test_an_error_is_found_behind_other_words_and_cut() -> None:
    output = "[WARNING]: old\nstarting\n[ERROR]: it broke\n" + "".join(f"line {n}\n" for n in range(30))
    said = environment.condensed(output, lines=3)
    assert said == "it broke\nline 0\nline 1"


def test_silence_is_said() -> None:
    assert environment.condensed("\n") == "no message"
