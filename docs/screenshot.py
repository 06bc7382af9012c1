"""Take the README's picture of the page that `make demo` writes (needs Chromium and the dev extra).

python docs/screenshot.py
"""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "build" / "demo" / "report.html"


def main() -> None:
    """Open the page in a window of a laptop's width and keep the films."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(PAGE.as_uri())
        page.locator("article, li.card, .card").first.scroll_into_view_if_needed()
        page.screenshot(path=HERE / "report.png")
        browser.close()


if __name__ == "__main__":
    main()
