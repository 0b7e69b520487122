"""What stands around every page: header, navigation, dark and light, and the region that the page fills."""

from typing import Final

from nicegui import ui
from starlette.requests import Request

from lab.console.context import Console
from lab.console.pages import Page, all_pages, all_routes

THEME_COOKIE: Final = "lab_theme"
THEMES: Final[dict[str, bool | None]] = {"auto": None, "light": False, "dark": True}
NEXT_THEME: Final = {"auto": "dark", "dark": "light", "light": "auto"}


def mount(console: Console) -> None:
    """Every page of every module, each at its path."""
    for add_routes in all_routes():
        add_routes(console)
    pages = all_pages()
    for page in pages:
        _register(console, page, pages)


def _register(console: Console, page: Page, pages: tuple[Page, ...]) -> None:
    @ui.page(page.path, title=f"{page.title} · Saga Lab", response_timeout=15.0)
    async def show(request: Request) -> None:
        theme = request.cookies.get(THEME_COOKIE, "auto")
        dark = ui.dark_mode(THEMES.get(theme))
        main = ui.element("div").classes("page")
        ui.skip_link("Skip to the page", target=main)
        with ui.header().classes("top"):
            ui.link("Saga Lab", "/").classes("brand")
            _navigation(page, pages)
            _theme_button(dark, theme)
        with main:
            ui.element("h1").classes("title").props(f'data-page="{page.path}"')._text = page.title
            if page.says:
                ui.label(page.says).classes("says")
            await page.build(console, request)


def _navigation(current: Page, pages: tuple[Page, ...]) -> None:
    with ui.element("nav").props('aria-label="Pages"').classes("pages"):
        for page in pages:
            if page.place is None:
                continue
            link = ui.link(page.title, page.path)
            if page is current:
                link.props('aria-current="page"')


def _theme_button(dark: ui.dark_mode, theme: str) -> None:
    chosen = {"theme": theme if theme in THEMES else "auto"}
    button = ui.button(f"Theme: {chosen['theme']}", color=None).props("no-caps flat dense").classes("act theme")

    def switch() -> None:
        chosen["theme"] = NEXT_THEME[chosen["theme"]]
        dark.value = THEMES[chosen["theme"]]
        button.set_text(f"Theme: {chosen['theme']}")
        ui.run_javascript(
            f"document.cookie = '{THEME_COOKIE}={chosen['theme']}; path=/; max-age=31536000; samesite=lax'"
        )

    button.on_click(switch)
