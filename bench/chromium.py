"""Where this machine's Chromium is."""

import os
import shutil
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
NONE: Final = "no Chromium on this machine: apt-get install chromium, or LAB_CHROMIUM=path"


def find_browser() -> str | None:
    return os.environ.get("LAB_CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
