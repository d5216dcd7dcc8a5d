from __future__ import annotations

import pytest
from world import World

from kolla.errors import InputError

COMMAND = "    command: notes-api\n"


def refusal(world: World) -> str:
    with pytest.raises(InputError) as caught:
        _ = world.desired
    return str(caught.value)


def test_an_expression_names_its_own_line(world: World) -> None:
    world.edit("notes/service.yml", COMMAND, "    command: notes-api {{ notes_prot }}\n")
    said = refusal(world)
    assert "notes/service.yml:46: the variable 'notes_prot' is not defined" in said
    assert "did you mean 'notes_port'?" in said


def test_a_secret_in_a_command_names_its_line(world: World) -> None:
    world.edit("notes/service.yml", COMMAND, "    command: notes-api {{ notes_database_password }}\n")
    assert "notes/service.yml:46: a secret would be visible" in refusal(world)


@pytest.mark.parametrize(
    ("command", "problem"), [('notes-api "x', "no closing quotation"), ("''", "it is empty")]
)
def test_a_command_that_cannot_be_split(world: World, command: str, problem: str) -> None:
    world.edit("notes/service.yml", COMMAND, f"    command: {command}\n")
    assert f"notes/service.yml:46: not a command: {problem}" in refusal(world)


def test_a_capability_that_is_not_needed(world: World) -> None:
    path = world.edit("notes/config/notes.conf.j2", "{{ database.url }}", "{{ cache.servers }}")
    said = refusal(world)
    assert f"{path}:" in said
    assert "the variable 'cache' is not defined" in said
    assert "add 'cache' to the needs of service 'notes'" in said


def test_a_name_near_no_capability_keeps_its_own_hint(world: World) -> None:
    world.edit("notes/config/notes.conf.j2", "{{ database.url }}", "{{ databse.url }}")
    assert "did you mean 'database'?" in refusal(world)


def test_a_template_may_be_another_service_s_and_take_variables(world: World) -> None:
    files = """      other.ini:
        to: /etc/notes/
        template: shapes/shared.ini.j2
        variables: {port: "{{ notes_port }}", password: "{{ notes_database_password }}", who: me}
"""
    line = "      notes.conf: {to: /etc/notes/, format: oslo}\n"
    world.edit("notes/service.yml", line, line + files)
    shapes = world.services / "shapes"
    (shapes / "config").mkdir(parents=True)
    (shapes / "service.yml").write_text("name: shapes\ntitle: Shapes\n")
    template = "[x]\nport = {{ port + 1 }}\npassword = {{ password }}\nwho = {{ who }} at {{ notes_port }}\n"
    (shapes / "config" / "shared.ini.j2").write_text(template)
    file = next(c for c in world.desired.containers if c.name == "notes").config.files["other.ini"]
    password = world.settings.passwords["notes_database_password"].reveal()
    expected = ["[x]", "port = 9192", f"password = {password}", "who = me at 9191"]
    assert [line for line in file.content.decode().splitlines() if line] == expected
    assert file.secrets == {password}
