"""Who speaks VRRP in a network: two network namespaces with a cable between them."""

import json
import subprocess
import sys

import pytest

LISTEN = """
import json, socket, struct, subprocess, sys, threading, time
from pathlib import Path
from kolla.host import precheck

address, group, message = json.load(sys.stdin)
SPEAK = '''
import socket, sys, time
address, group, message = sys.argv[1:4]
family = socket.AF_INET6 if ":" in group else socket.AF_INET
voice = socket.socket(family, socket.SOCK_RAW, 112)
if family == socket.AF_INET6:
    voice.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("there"))
else:
    voice.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
while True:
    voice.sendto(bytes.fromhex(message), (group, 0))
    time.sleep(0.5)
'''
def run(*argv): subprocess.run(argv, check=True)

other = subprocess.Popen(["unshare", "--net", "sleep", "60"])
enter = ["nsenter", f"--net=/proc/{other.pid}/ns/net"]
while Path(f"/proc/{other.pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
    time.sleep(0.05)
run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(other.pid))
run("ip", "link", "set", "here", "up")
run(*enter, "ip", "link", "set", "there", "up")
run("ip", "address", "add", "10.77.0.1/24", "dev", "here")
run(*enter, "ip", "address", "add", address, "dev", "there", "nodad")
speaker = subprocess.Popen([*enter, sys.executable, "-c", SPEAK, address.split("/")[0], group, message])
asked = {"interface": "here", "number": 51, "setting": "the_number", "name": "mover", "peers": []}
seen = [
    precheck._router(asked),
    precheck._router({**asked, "number": 52}),
    precheck._router({**asked, "peers": [address.split("/")[0]]}),
    precheck._router({**asked, "interface": "nowhere"}),
]
speaker.kill()
other.kill()
print(json.dumps(seen))
"""

ADVERTISEMENT = "2133640100010000" + "0a4d00fa" + "00" * 8
"""Of version 2, router 51, priority 100, one address, one second."""


@pytest.mark.parametrize(
    ("address", "group"),
    [("10.77.0.2/24", "224.0.0.18"), ("10.77.0.2/24", "10.77.0.1"), ("fd00::2/64", "ff02::12")],
    ids=["everybody", "this host", "everybody, IPv6"],
)
def test_another_router_of_the_same_number_is_heard(address: str, group: str) -> None:
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", LISTEN],
        input=json.dumps([address, group, ADVERTISEMENT]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    same, other, own, nowhere = json.loads(done.stdout)
    assert not same["ok"] and same["subject"] == "51 on here"
    assert " has it in this network (VRRP), and 'mover' is to have it" in same["message"]
    assert same["hint"] == "set the_number to another number"
    assert other["ok"] and own["ok"] is (":" not in address)
    assert not nowhere["ok"] and "nobody can listen there" in nowhere["message"]
