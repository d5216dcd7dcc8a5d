"""What the dashboard's settings owe to the image: themes and files that were made when it was built."""

import os

DEFAULT_THEME: str
"""Of the settings that run this."""
_THEMES = "/usr/local/share/kolla_horizon/themes"

STATIC_ROOT = "/usr/local/share/kolla_horizon/static"
AVAILABLE_THEMES = [
    ("default", "Default", "themes/default"),
    ("material", "Material", "themes/material"),
    *((name, name.capitalize(), os.path.join(_THEMES, name)) for name in sorted(os.listdir(_THEMES))),
]
# Style sheets of several themes cannot be told apart once they are compressed: a cloud has one theme.
SELECTABLE_THEMES = [theme for theme in AVAILABLE_THEMES if theme[0] == DEFAULT_THEME] or AVAILABLE_THEMES[:1]  # noqa: F821
COMPRESS_OFFLINE = True
COMPRESS_OFFLINE_MANIFEST = f"manifest-{SELECTABLE_THEMES[0][0]}.json"
