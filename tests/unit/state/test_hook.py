"""Which files are run for a plan, by their names."""

import pytest

from kolla.state.explain import text
from kolla.state.hook import VERBS, Hook, Occasion, chosen, meant, occasion
from kolla.state.plan import Plan, StopOperation

SERVICES = ("keystone", "nova", "nova-cells")


@pytest.mark.parametrize(
    ("path", "when"),
    [
        ("pre-deploy.yml", Occasion("pre", "deploy", None)),
        ("post-deploy", Occasion("post", "deploy", None)),
        ("post-stop-keystone.sh", Occasion("post", "stop", "keystone")),
        ("pre-upgrade-nova-cells.py", Occasion("pre", "upgrade", "nova-cells")),
        ("pre-deploy.d/10-x.sh", Occasion("pre", "deploy", None)),
        ("pre-deploy-nova.d/10-x.sh", Occasion("pre", "deploy", "nova")),
        ("pre-deploy/10-x.sh", None),
        ("pre-deployment.yml", None),
        ("pre-deploy-keyston.yml", None),
        ("deploy.yml", None),
        ("during-deploy.yml", None),
        ("pre-plan.yml", None),
        ("failed-deploy.sh", Occasion("failed", "deploy", None)),
        ("failed-upgrade-nova.yml", Occasion("failed", "upgrade", "nova")),
        ("post-destroy", Occasion("post", "destroy", None)),
        ("pre-backup", Occasion("pre", "backup", None)),
        ("pre-backup-list-nova", Occasion("pre", "backup-list", "nova")),
        ("pre-restore", None),
    ],
)
def test_a_name_says_when(path, when):
    assert occasion(path, SERVICES, (*VERBS, "backup", "backup-list")) == when


def test_an_unknown_name_has_a_nearest_one():
    assert meant("pre-deplo.yml", SERVICES) == "pre-deploy"
    assert meant("post-deploy-keyston.yml", SERVICES) == "post-deploy-keystone"
    assert meant("qqqq.yml", SERVICES) is None


def test_what_is_for_one_service_is_nearer_to_the_change():
    files = ["pre-deploy.yml", "pre-deploy.d/a", "pre-deploy-nova.yml", "pre-deploy-keystone.sh"]
    files += ["post-deploy-keystone.sh", "post-deploy.yml", "pre-stop", "failed-deploy", "failed-deploy-nova"]
    files += ["failed-deploy-keystone"]
    assert chosen(files, "deploy", {"keystone", "host"}, SERVICES) == [
        ("pre", "pre-deploy.d/a"),
        ("pre", "pre-deploy.yml"),
        ("pre", "pre-deploy-keystone.sh"),
        ("post", "post-deploy-keystone.sh"),
        ("post", "post-deploy.yml"),
        ("failed", "failed-deploy-keystone"),
        ("failed", "failed-deploy"),
    ]


def test_a_plan_shows_its_hooks():
    hooks = (
        Hook(moment="pre", path="pre-stop.yml", sha256="1"),
        Hook(moment="post", path="post-stop", sha256="2"),
        Hook(moment="failed", path="failed-stop", sha256="3"),
    )
    stop = StopOperation(id="stop:x@one", host="one", service="x", causes=("asked for",), container="x")
    plan = Plan(cloud_name="c", cloud_id="1", precondition="", operations=(stop,), hooks=hooks)
    assert [" ".join(line.split()) for line in text(plan).splitlines()[:-4]] == [
        "Plan for cloud 'c': 1 operation on 1 host",
        "",
        "before",
        "> run hooks/pre-stop.yml playbook",
        "",
        "one",
        "- stop container x asked for",
        "",
        "afterwards",
        "> run hooks/post-stop program on this machine",
        "",
        "if it fails",
        "> run hooks/failed-stop program on this machine",
    ]
