from pathlib import Path

import pytest

from kolla.catalogue import loader
from kolla.errors import InputError

from .conftest import MakeService

NOTES = """\
name: notes
title: Notes
enabled: true
needs: [database, identity]
settings:
  notes_port: {type: port, default: 9191, description: x}
users:
  notes: {uid: 42999, home: /var/lib/notes, groups: [kolla]}
images:
  notes: {user: notes}
databases: [notes]
identity: {type: notes, user: notes, endpoint: notes}
endpoints:
  notes: {container: notes, port: "{{ notes_port }}"}
containers:
  notes:
    command: notes
    config:
      notes.conf: {to: /etc/, owner: notes}
    volumes: {notes: /var/lib/notes}
    health: {listen: "{{ notes_port }}"}
    after: [job/db-sync, database]
jobs:
  db-sync: {container: notes, command: [sync]}
provides:
  cache: {endpoint: notes, volume: notes}
verbs:
  jot: {description: x, job: {container: notes, command: [jot]}}
"""


def errors(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        loader.load([path])
    return str(caught.value).replace(f"{path}/", "")


def test_nothing_wrong(make_service: MakeService):
    assert "notes" in loader.load([make_service(NOTES)]).folders


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("notes: {user: notes}", "notes: {parent: bse}", 10, "no image 'bse'\n  hint: did you mean 'base'?"),
        ("notes: {user: notes}", "notes: {user: note}", 10, "no user 'note'\n  hint: did you mean 'notes'?"),
        ("notes: {user: notes}", "notes: {parent: }", 10, "no parent, and neither has 'base'"),
        ("groups: [kolla]", "groups: [kola]", 8, "no user 'kola'\n  hint: did you mean 'kolla'?"),
        ("endpoint: notes}\nend", "endpoint: nots}\nend", 12, "no endpoint 'nots'"),
        ("{container: notes, port", "{container: nots, port", 14, "no container 'nots'"),
        ("command: notes\n", "command: notes\n    image: nots\n", 18, "no image 'nots'"),
        ("command: notes\n", "command: notes\n    group: contrl\n", 18, "did you mean 'control'?"),
        ("command: notes\n", "command: notes\n    user: nobody\n", 18, "no user 'nobody'"),
        ("owner: notes", "owner: nots", 19, "no user 'nots'"),
        ("after: [job/db-sync, database]", "after: [job/sync]", 22, "no dependency 'job/sync'"),
        ("after: [job/db-sync, database]", "after: [cache]", 22, "no dependency 'cache'"),
        (
            "after: [job/db-sync, database]",
            "after: [endpoint/note]",
            22,
            "container/notes, containers/notes, ",
        ),
        ("command: notes\n", "command: notes\n    capabilities: [NET_ADMN]\n", 18, "mean 'NET_ADMIN'?"),
        (
            "command: notes\n",
            "command: notes\n    capabilities_where: {NET_ADMN: 'true'}\n",
            18,
            "mean 'NET_ADMIN'?",
        ),
        ("command: notes\n", "command: notes\n    pid: hst\n", 18, "one of host"),
        ("command: notes\n", "command: notes\n    cgroup: private\n", 18, "one of host"),
        ("command: notes\n", "command: notes\n    devices: [kvm]\n", 18, "path of a device below /dev"),
        (
            "command: notes\n",
            "command: notes\n    security_options: [apparmor=unconfind]\n",
            18,
            "did you mean 'apparmor=unconfined'?",
        ),
        (
            "command: notes\n",
            "command: notes\n    binds: [{source: /a, target: /a, propagation: rshared}]\n",
            18,
            "one of private, shared, slave",
        ),
        (
            "{container: notes, command: [sync]",
            "{container: nots, command: [sync]",
            24,
            "no container 'nots'",
        ),
        ("volume: notes}", "volume: nots}", 26, "no volume 'nots'"),
        ("volume: notes}", "volume: notes, container: nots}", 26, "no container 'nots'"),
        ("volume: notes}", "volume: notes, drain: [x], container: notes}", 26, "'admit', 'drained', or none"),
        ("{endpoint: notes, v", "{endpoint: nots, v", 26, "no endpoint 'nots'"),
        ("{container: notes, command: [jot]", "{container: nots, command: [x]", 28, "no container 'nots'"),
        (
            "provides:\n",
            "checks: {c: {canary: nots, description: x, job: {image: base, command: [x]}}}\nprovides:\n",
            25,
            "no container 'nots'",
        ),
        ("jot: {", "plan: {", 28, "kolla has a verb 'plan' of its own"),
        ("jot: {", "jot: {replaces: [nots], loses: loses all, ", 28, "no volume 'nots'"),
        ("jot: {", "jot: {replaces: [notes], ", 28, "replaces data and does not say what is lost"),
        ("jot: {", "jot: {anywhere: true, ", 28, "and there is but one"),
        ("jot: {", "jot: {host_off: true, ", 28, "nobody says which"),
        ("jot: {", "jot: {check: {image: base, command: [x]}, ", 28, "stops nothing afterwards"),
        ("enabled: true\n", "enabled: true\nformerly: {nots: old}\n", 4, "no volume 'nots'"),
        (
            "enabled: true\n",
            "enabled: true\nformerly: {notes: notes}\n",
            4,
            "there still is a volume 'notes'",
        ),
        ("enabled: true\n", "enabled: true\nhost_volumes: [nots]\n", 4, "no volume 'nots'"),
        ("command: notes\n", "command: notes\n    formerly: [notes]\n", 18, "still is a container 'notes'"),
        ("volume: notes}", "volume: notes, backup: jt}", 26, "no verb 'jt'\n  hint: did you mean 'jot'?"),
        ("volume: notes}", "volume: notes, restore: jt}", 26, "no verb 'jt'"),
        (
            "user: notes, endpoint: notes}",
            "user: notes, endpoint: notes, others: {feed: {type: feed, description: x, endpoint: nots}}}",
            12,
            "there is no endpoint 'nots'\n  hint: did you mean 'notes'?",
        ),
        ("needs: [database, identity]", "needs: [identity]", 11, "databases without the need for one"),
        ("needs: [database, identity]", "needs: [database]", 12, "an identity without the need for one"),
        ("health: {listen", "health: {http: x, listen", 21, "has 2 ways to find out"),
        (
            "{container: notes, command: [sync]",
            "{image: x, container: notes, command: [sync]",
            24,
            "'container' or 'image'",
        ),
        ("enabled: true\n", "\n", 15, "no 'enabled'"),
        ("default: 9191,", "default: 9191, required: true,", 6, "required and has a default"),
        ("default: 9191,", "default: 9191, fields: {name: {type: name}},", 6, "no list of mappings"),
        (
            "databases: [notes]\n",
            "databases: [notes]\ndatabases_for_each: {nots: x}\n",
            12,
            "no database 'nots'\n  hint: did you mean 'notes'?",
        ),
        (
            "databases: [notes]\n",
            "databases: [notes]\nvhosts_for_each: {notes: x}\n",
            12,
            "virtual hosts of the message bus without the need for one",
        ),
        ("default: 9191,", "default: 9191, minimum: 1,", 6, "'notes_port' is no integer and no number"),
    ],
)
def test_references_and_rules(make_service: MakeService, old: str, new: str, line: int, said: str):
    assert NOTES.count(old) == 1
    found = errors(make_service(NOTES.replace(old, new)))
    assert f"notes/service.yml:{line}: " in found
    assert said in found


def test_a_container_may_run_as_root(make_service: MakeService):
    words = "    user: root\n    privileges_reason: It counts files of all users.\n"
    text = NOTES.replace("command: notes\n", "command: notes\n" + words)
    assert loader.load([make_service(text)]).folders["notes"].service.containers["notes"].user == "root"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("user: root", "user root"),
        ("capabilities: [NET_ADMIN]", "capabilities"),
        ('capabilities_where: {NET_ADMIN: "true"}', "capabilities_where"),
        ("new_privileges: true", "new_privileges"),
        ("pid: host", "pid"),
        ("cgroup: host", "cgroup"),
        ("devices: [/dev/kvm]", "devices"),
        ("security_options: [apparmor=unconfined]", "security_options"),
    ],
)
def test_more_privileges_need_a_reason(make_service: MakeService, words: str, asked: str):
    text = NOTES.replace("command: notes\n", f"command: notes\n    {words}\n")
    said = f"notes/service.yml:16: 'notes' asks for {asked}, and does not say why"
    assert said in errors(make_service(text))
    reason = NOTES.replace("command: notes\n", f"command: notes\n    {words}\n    privileges_reason: x\n")
    assert loader.load([make_service(reason)])


def test_an_image_without_a_user_runs_as_root_and_needs_a_reason(make_service: MakeService):
    text = NOTES.replace("notes: {user: notes}", "notes: {}")
    assert "'notes' asks for user root, and does not say why" in errors(make_service(text))


SECOND = """\
name: second
title: Second
enabled: false
"""


@pytest.mark.parametrize(
    ("text", "said", "first"),
    [
        ("settings: {notes_port: {description: x}}", "key 'notes_port'", "notes/service.yml:6"),
        ("passwords: {notes_port: {description: x}}", "key 'notes_port'", "notes/service.yml:6"),
        ("passwords: {notes_database_password: {description: x}}", "key 'notes_data", "notes/service.yml:11"),
        ("settings: {x: {type: port, default: 9191, description: x}}", "port '9191'", "notes/service.yml:6"),
        ("users: {other: {uid: 42999, home: /x}}", "uid '42999'", "notes/service.yml:8"),
        ("users: {other: {uid: 1, gid: 42999, home: /x}}", "gid '42999'", "notes/service.yml:8"),
        ("users: {notes: {uid: 1, home: /x}}", "user 'notes'", "notes/service.yml:8"),
        ("images: {notes: {}}", "image 'notes'", "notes/service.yml:10"),
        (
            "images: {x: {}}\ncontainers: {notes: {image: x, command: x}}",
            "container 'notes'",
            "service.yml:16",
        ),
        ("groups: {notes: control}", "group 'notes'", "notes/service.yml"),
        (
            "images: {x: {}}\nverbs: {jot: {description: x, job: {image: x, command: [x]}}}",
            "verb 'jot'",
            "notes/service.yml:28",
        ),
        (
            "images: {x: {}}\ncontainers: {x: {command: x, volumes: {notes: /x}}}",
            "volume 'notes'",
            "notes/service.yml:20",
        ),
    ],
)
def test_conflicts_name_both_files(make_service: MakeService, text: str, said: str, first: str):
    make_service(NOTES)
    found = errors(make_service(SECOND + text + "\n", "second"))
    assert "second/service.yml:" in found
    assert f"{said}" in found
    assert "is already taken by service 'notes'" in found
    assert f"{first}" in found


def test_containers_of_one_service_may_share_a_volume(make_service: MakeService):
    other = "  other: {image: notes, command: x, volumes: {notes: /var/lib/notes}}\n"
    path = make_service(NOTES.replace("jobs:\n", other + "jobs:\n"))
    assert "other" in loader.load([path]).folders["notes"].service.containers


@pytest.mark.parametrize(
    ("word", "cycle"),
    [
        ("after: [container/notes]", "container/notes -> job/db-sync -> container/notes"),
        ("after: [containers/notes]", "container/notes -> job/db-sync -> container/notes"),
        ("after: [endpoint/notes]", "container/notes -> job/db-sync -> endpoint/notes -> container/notes"),
        ("before: [job/db-sync]", "job/db-sync -> job/db-sync"),
    ],
)
def test_what_waits_for_itself(make_service: MakeService, word: str, cycle: str):
    found = errors(make_service(NOTES.replace("command: [sync]", f"command: [sync], {word}")))
    assert "these wait for each other: " in found
    parts = cycle.split(" -> ")[:-1]
    rotations = [[*parts[i:], *parts[:i], parts[i]] for i in range(len(parts))]
    assert any(" -> ".join(rotation) in found for rotation in rotations)
    assert "notes/service.yml:16: " in found or "notes/service.yml:24: " in found


def test_image_that_is_its_own_ancestor(make_service: MakeService):
    path = make_service("name: notes\ntitle: x\nimages:\n  a: {parent: b}\n  b: {parent: a}\n")
    assert "notes/service.yml:4: an image is built from itself: a -> b -> a" in errors(path)


def test_an_image_that_copies_from_what_is_built_from_it(make_service: MakeService):
    path = make_service("name: notes\ntitle: x\nimages:\n  a: {copies: {/x: b}}\n  b: {parent: a}\n")
    assert "an image is built from itself: a -> b -> a" in errors(path)


def test_an_image_that_copies_from_none(make_service: MakeService):
    path = make_service("name: notes\ntitle: x\nimages:\n  a: {copies: {/x: bse}}\n")
    assert "notes/service.yml:4: there is no image 'bse'\n  hint: did you mean 'base'?" in errors(path)


def test_a_patch_says_which_versions_it_is_for(make_service: MakeService):
    path = make_service("name: notes\ntitle: x\nimages:\n  a:\n    patches: {x.patch: {neutron: '28'}}\n")
    found = errors(path)
    assert found.startswith("notes/service.yml:5: ")
    assert "Invalid specifier: '28'" in found


def test_group_that_takes_its_hosts_from_itself(make_service: MakeService):
    path = make_service("name: notes\ntitle: x\ngroups:\n  a: b\n  b: a\n")
    assert "notes/service.yml:4: a group takes its hosts from itself: a -> b -> a" in errors(path)


def test_each_of_several_parents_must_be_a_group(make_service: MakeService):
    path = make_service("name: notes\ntitle: x\ngroups:\n  a: [control, netwrk]\n")
    assert "notes/service.yml:4: there is no group 'netwrk'\n  hint: did you mean 'network'?" in errors(path)


@pytest.mark.parametrize(
    ("files", "line", "said"),
    [
        ([], 19, "there is no file 'config/notes.conf.j2'"),
        (["config/note.conf.j2"], 19, "did you mean 'note.conf.j2'?"),
    ],
)
def test_templates_must_be_there(make_service: MakeService, files: list[str], line: int, said: str):
    found = errors(make_service(NOTES, files=files))
    assert f"notes/service.yml:{line}: " in found
    assert said in found


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("images:\n  a:\n    files: {x: /usr/bin/x}\n", 5, "'image/x'"),
        ("images:\n  a:\n    patches: {x.patch: {y: ''}}\n", 5, "'image/x.patch'"),
        ("images:\n  a: {dockerfile: x.Dockerfile.j2}\n", 4, "'image/x.Dockerfile.j2'"),
        ("client_files: {x.sh: x.sh.j2}\n", 3, "'config/x.sh.j2'"),
        (
            "images: {a: {}}\nchecks:\n  c:\n    description: x\n"
            "    job: {image: a, command: [x], config: {y: {to: /}}}\n",
            7,
            "'config/y.j2'",
        ),
    ],
)
def test_every_named_file_must_be_there(make_service: MakeService, text: str, line: int, said: str):
    found = errors(make_service("name: notes\ntitle: x\n" + text, files=[]))
    assert f"notes/service.yml:{line}: there is no file {said}" in found


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("keystone/keystone.cnf.j2", "there is no file 'config/keystone.cnf.j2'"),
        ("keystone/keystone.cnf.j2", "did you mean 'keystone.conf.j2'?"),
        ("keyston/keystone.conf.j2", "there is no service 'keyston'\n  hint: did you mean 'keystone'?"),
    ],
)
def test_templates_of_others_must_be_there(make_service: MakeService, template: str, said: str):
    text = NOTES.replace("{to: /etc/, owner: notes}", f"{{to: /etc/, template: {template}}}")
    found = errors(make_service(text))
    assert "notes/service.yml:19: " in found
    assert said in found


def test_a_job_needs_a_container_to_run_beside(make_service: MakeService):
    path = make_service("name: notes\ntitle: x\nimages: {a: {}}\njobs:\n  b: {image: a, command: [x]}\n")
    assert "notes/service.yml:5: a job runs where a container of its service does" in errors(path)


@pytest.mark.parametrize(
    "job", ["{image: a, command: [x]}", "{container: a, command: [x], after: [container/a]}"]
)
def test_what_sees_whether_an_image_may_have_data_comes_first(make_service: MakeService, job: str):
    job = job.replace("command", "takeover: true, command")
    text = "name: notes\ntitle: x\nenabled: true\nimages: {a: {user: root}}\ncontainers: {a: {command: x}}\n"
    found = errors(make_service(f"{text}jobs:\n  b: {job}\n"))
    assert "a job that sees whether an image may have the data comes before everything else" in found


def test_optional_files_have_no_template(make_service: MakeService):
    text = NOTES.replace("{to: /etc/, owner: notes}", "{to: /etc/, optional: true}")
    assert loader.load([make_service(text, files=[])])


MANY = "containers:\n  many: {image: notes, for_each: x, command: notes}\n"


def test_endpoints_and_jobs_of_a_container_there_are_several_of(make_service: MakeService):
    text = NOTES.replace("containers:\n", MANY)
    text = text.replace(
        "jobs:\n", "jobs:\n  many: {container: many, command: [sync], after: [endpoint/many]}\n"
    )
    text = text.replace("endpoints:\n", "endpoints:\n  many: {container: many, port: x}\n")
    assert "notes" in loader.load([make_service(text)]).folders


def test_nobody_says_which_of_several_a_verb_is_about(make_service: MakeService):
    text = NOTES.replace("containers:\n", MANY).replace(
        "{container: notes, command: [jot]}", "{container: many, command: [jot]}"
    )
    assert "there may be several of 'many'" in errors(make_service(text))
