"""The dashboard, switched on in a cloud that runs, used in a real browser; and off again."""

from __future__ import annotations

import http.cookiejar
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker
import pytest
from docker.models.containers import Container
from system.browser import Browser, browser
from system.client import Demo, OpenStack, until
from system.harness import Kolla, containers

pytestmark = pytest.mark.long

CACHES = ("127.0.0.1:21211", "127.0.0.1:21212")
"""Servers of a cache that the tests start beside the cloud's own."""
NETWORK, SERVER = "clicked-net", "clicked"


@pytest.fixture(scope="module")
def dashboard(cloud: Kolla, demo: Demo) -> Iterator[str]:
    """Its URL; afterwards the cloud is as it was."""
    path = cloud.config_directory / "globals.yml"
    before = path.read_text()
    cloud.set(enable_horizon=True)
    cloud.run("genpwd")
    cloud.run("build")
    cloud.run("deploy")
    try:
        yield url(demo.openstack)
    finally:
        path.write_text(before)
        cloud.run("deploy")


def url(openstack: OpenStack) -> str:
    """Where the dashboard is: on the host of the identity service's public address."""
    return f"http://{urllib.parse.urlsplit(openstack.auth['auth_url']).hostname}:8088"


# -- by hand -----------------------------------------------------------------------------------------


def test_a_network_and_a_server_are_made_by_clicking_and_its_screen_is_drawn(
    dashboard: str, demo: Demo, pytestconfig: pytest.Config
) -> None:
    try:
        with browser(pytestconfig.getoption("pictures")) as person:
            log_in(person, dashboard, demo.openstack)
            make_network(person, dashboard)
            make_server(person, dashboard, demo)
            look_at_screen(person)
    finally:
        remove(demo.openstack)


def log_in(person: Browser, dashboard: str, openstack: OpenStack) -> None:
    person.open(dashboard)
    person.write("username", openstack.auth["username"])
    person.picture("dashboard-login")
    person.write("password", openstack.auth["password"])
    person.click("//button[@id='loginBtn']")
    person.see("//*[contains(@class, 'openstack-dashboard') or @id='main_content']//h1")


def make_network(person: Browser, dashboard: str) -> None:
    person.open(f"{dashboard}/project/networks/")
    person.click("//*[@id='networks__action_create']")
    person.write("net_name", NETWORK)
    person.click("//button[contains(@class, 'button-next')]")
    person.write("subnet_name", f"{NETWORK}-4")
    person.write("cidr", "10.78.0.0/24")
    person.click("//button[contains(@class, 'button-next')]")
    person.click("//button[contains(@class, 'button-final')]")
    person.see(f"//table[@id='networks']//a[normalize-space()='{NETWORK}']")
    person.picture("dashboard-networks")


def make_server(person: Browser, dashboard: str, demo: Demo) -> None:
    image = demo.openstack.get("image", f"/v2/images/{demo.server['image']['id']}")["name"]
    person.open(f"{dashboard}/project/instances/")
    person.click("//*[@id='instances__action_launch-ng']")
    person.write("name", SERVER)
    for step, choice in (
        ("Source", image),
        ("Flavor", demo.server["flavor"]["original_name"]),
        ("Networks", NETWORK),
    ):
        person.click(f"//li[contains(@class, 'nav-item')]//span[normalize-space()='{step}']")
        row = f"//*[contains(@class, 'transfer-available')]//tr[.//td[normalize-space()='{choice}']]"
        person.click(f"{row}//*[contains(@class, 'fa-arrow-up')]/ancestor-or-self::button")
    person.picture("dashboard-launch")
    person.click("//button[contains(@class, 'finish')]")
    row = f"//table[@id='instances']//tr[.//a[normalize-space()='{SERVER}']]"
    person.see(f"{row}//td[normalize-space()='Active']", 240)
    person.picture("dashboard-instances")
    person.click(f"{row}//a[normalize-space()='{SERVER}']")


def look_at_screen(person: Browser) -> None:
    """The console in its page: whatever the guest writes at its start is white on black."""
    person.click("//a[contains(@href, 'instance_details__console') or normalize-space()='Console']")
    person.chrome.switch_to.frame(person.see("//iframe[@id='console_embed']"))
    drawing = until(
        lambda: (seen := person.drawing()) and seen.points - seen.most > 500 and seen,
        180,
        "the guest's screen has more than one colour",
    )
    print(f"{drawing.points} points, {drawing.colours} colours, {drawing.points - drawing.most} of another")
    person.chrome.switch_to.default_content()
    person.picture("dashboard-console")


def remove(openstack: OpenStack) -> None:
    """Remove what was clicked together, however far that came."""
    for server in openstack.get("compute", f"/servers?name=^{SERVER}$")["servers"]:
        openstack.delete_server(server["id"])
    for network in openstack.get("network", f"/v2.0/networks?name={NETWORK}")["networks"]:
        openstack.call("DELETE", "network", f"/v2.0/networks/{network['id']}")


# -- its cache -----------------------------------------------------------------------------------------


class Session:
    """Somebody who is logged in, seen from the outside: cookies and pages."""

    def __init__(self, dashboard: str) -> None:
        self._dashboard = dashboard
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def log_in(self, openstack: OpenStack) -> None:
        """Send the form of the login page."""
        self.page("/auth/login/")
        (token,) = (cookie.value for cookie in self._cookies if cookie.name == "csrftoken")
        form = {
            "username": openstack.auth["username"],
            "password": openstack.auth["password"],
            "region": "default",
            "csrfmiddlewaretoken": token or "",
        }
        self.page("/auth/login/", urllib.parse.urlencode(form).encode())

    def is_known(self) -> bool:
        """Whether one's settings are shown; False: the login is. HTTPError for a 500."""
        return "/auth/login" not in self.page("/settings/")

    def page(self, path: str, form: bytes | None = None) -> str:
        """Where a request ended."""
        with self._opener.open(self._dashboard + path, form, timeout=120) as answer:
            ended: str = answer.url
            return ended


@contextmanager
def caches(engine: docker.DockerClient, dashboard_of: Sequence[Container]) -> Iterator[list[Container]]:
    """Servers of the kind that the cloud has, at CACHES."""
    (own,) = (container for container in dashboard_of if container.name == "memcached")
    started: list[Container] = []
    try:
        for number, place in enumerate(CACHES):
            host, port = place.split(":")
            command = ["memcached", "-u", "memcached", "-l", host, "-p", port]
            started.append(
                engine.containers.run(
                    own.image.id,
                    command,
                    entrypoint=[],
                    user="memcached",
                    name=f"kolla-test-cache-{number}",
                    network_mode="host",
                    detach=True,
                )
            )
        yield started
    finally:
        for container in started:
            container.remove(force=True)


def test_who_is_logged_in_stays_so_while_either_of_two_caches_is_away(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient, dashboard: str
) -> None:
    settings = f"CACHES['default']['LOCATION'] = {json.dumps(CACHES)}\n"
    override = cloud.override("horizon/_9999-custom-settings.py", settings)
    try:
        with caches(engine, containers(engine)) as (first, second):
            cloud.run("deploy")
            session = Session(dashboard)
            session.log_in(demo.openstack)
            assert session.is_known()
            first.kill()
            assert session.is_known()
            # It comes back empty, and has the session again as soon as that is used.
            first.start()
            until(
                lambda: session.is_known() and holds_something(first), 90, "the first has the session again"
            )
            second.kill()
            assert session.is_known()
            # Without any nobody stays logged in, and nobody is told of an error of the dashboard's.
            first.kill()
            assert not session.is_known()
    finally:
        override.unlink()


def holds_something(cache: Container) -> bool:
    """Whether a cache has any item."""
    script = (
        "import socket; s = socket.create_connection(('127.0.0.1', PORT), 5); s.sendall(b'stats\\r\\n');"
        "print(s.recv(65536).decode())"
    ).replace("PORT", CACHES[0].split(":")[1])
    return "STAT curr_items 0\r" not in cache.exec_run(["python3", "-c", script]).output.decode()


# -- as part of the cloud ------------------------------------------------------------------------------


def test_it_speaks_other_languages_and_serves_its_files_by_their_kind(cloud: Kolla, dashboard: str) -> None:
    asked = urllib.request.Request(f"{dashboard}/auth/login/", headers={"Accept-Language": "de"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        page = answer.read().decode()
    assert "Anmelden" in page
    sheet = next(part.split('"')[0] for part in page.split('href="') if ".css" in part.split('"')[0])
    with urllib.request.urlopen(dashboard + sheet, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "text/css"


def test_nothing_is_left_to_do(cloud: Kolla, dashboard: str) -> None:
    cloud.run("deploy")
    assert cloud.plan() == []
    assert [finding for finding in cloud.json("check") if not finding["ok"]] == []


def test_switched_off_it_leaves_no_container(
    cloud: Kolla, engine: docker.DockerClient, dashboard: str
) -> None:
    cloud.set(enable_horizon=False)
    cloud.run("deploy")
    assert cloud.plan() == []
    assert "horizon" not in {container.name for container in containers(engine, all=True)}
