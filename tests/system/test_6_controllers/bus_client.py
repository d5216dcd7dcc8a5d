"""`publish COUNT`, `publish FILE`, `consume`: a replicated queue, as a client of all members of the bus.

Not imported by tests: they run its text in a container of keystone, which has library and credentials.
With FILE, it makes it and publishes until it is gone. Prints {"longest", "published"} or {"seen"}.
Every publish is confirmed, and done again with another member when the one it was sent to goes away.
"""

import configparser
import itertools
import json
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import amqp

QUEUE = "test"
AWAY = (OSError, amqp.exceptions.AMQPError)


class Client:
    """A channel to whichever member lets us in."""

    def __init__(self, urls):
        self.members = [urlsplit(f"rabbit://{url}") for url in urls]
        self.channel = None

    def connect(self):
        while self.channel is None:
            member = self.members[0]
            self.members.append(self.members.pop(0))
            connection = amqp.Connection(
                f"{member.hostname}:{member.port}",
                member.username,
                unquote(member.password),
                connect_timeout=2,
                read_timeout=5,
                write_timeout=5,
                confirm_publish=True,
            )
            try:
                connection.connect()
                channel = connection.channel()
                arguments = {"x-queue-type": "quorum"}
                channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)
                self.channel = channel
            except AWAY:
                time.sleep(0.2)

    def persist(self, act):
        while True:
            self.connect()
            try:
                return act(self.channel)
            except AWAY:
                self.channel = None


def numbers(until):
    if until.isdecimal():
        return range(int(until))
    flag = Path(until)
    flag.touch()
    return itertools.takewhile(lambda _: flag.exists(), itertools.count())


def publish(client, numbers):
    longest, published = 0.0, 0
    for number in numbers:
        begun = time.monotonic()
        message = amqp.Message(str(number), delivery_mode=2)
        client.persist(lambda channel, it=message: channel.basic_publish_confirm(it, routing_key=QUEUE))
        longest = max(longest, time.monotonic() - begun)
        published += 1
        # Slowly enough that somebody can cut the power of a member meanwhile.
        time.sleep(0.02)
    return {"longest": longest, "published": published}


def consume(client):
    seen = set()
    while (message := client.persist(lambda channel: channel.basic_get(QUEUE, no_ack=True))) is not None:
        seen.add(message.body)
    return {"seen": len(seen)}


parser = configparser.RawConfigParser(strict=False)
parser.read("/etc/keystone/keystone.conf")
urls = parser["DEFAULT"]["transport_url"].removeprefix("rabbit://").rstrip("/").split(",")
client = Client(urls)
publishes = sys.argv[1] == "publish"
print(json.dumps(publish(client, numbers(sys.argv[2])) if publishes else consume(client)))
