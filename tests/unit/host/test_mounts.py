"""Mount propagation as proc(5) tells it."""

import pytest

from kolla.host import mounts

MOUNTINFO = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 27 0:26 / /run rw,nosuid shared:5 - tmpfs tmpfs rw
40 31 0:26 /netns /run/netns rw shared:5 master:1 - tmpfs tmpfs rw
41 27 0:30 / /a\\040b rw shared:7 - tmpfs tmpfs rw
42 27 0:31 / /srv rw shared:8 - tmpfs tmpfs rw
43 42 0:32 / /srv rw master:8 - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("/", False),
        ("/etc", False),
        ("/run", True),
        ("/run/netns", True),
        ("/run/netns/x", True),
        ("/running", False),
        ("/a b/c", True),
        ("/srv", False),
    ],
)
def test_the_mount_a_path_is_on_decides(path: str, shared: bool) -> None:
    assert mounts.on_shared(path, MOUNTINFO) is shared
