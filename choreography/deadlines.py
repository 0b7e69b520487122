"""Which orders have gone quiet: plain bookkeeping over events and times that are passed in.

Kept in the order of the last news, so that only the head is ever looked at; no polling, however many orders are open.
"""

from collections import OrderedDict

from choreography.status import Story, Told
from services.trail import ENDED, OrderStatus


class Deadlines:
    """Times are epoch seconds. ``not_before``: nothing is due earlier (the lane itself was down and needs a start)."""

    def __init__(self, quiet_after_s: float, approval_timeout_s: float) -> None:
        self._limits = {False: quiet_after_s, True: approval_timeout_s}
        self._stories: dict[str, Story] = {}
        # Waiting for a manager or not -> order id -> last news, oldest first.
        self._last_news: dict[bool, OrderedDict[str, float]] = {False: OrderedDict(), True: OrderedDict()}
        self.not_before = 0.0

    def hear(self, event: Told) -> None:
        order_id = event.order_id
        story = self._stories.get(order_id, Story())
        self.forget(order_id)
        story.hear(event)
        status = story.status()
        if status in ENDED:
            return
        self._stories[order_id] = story
        self._last_news[status is OrderStatus.WAITING_FOR_APPROVAL][order_id] = event.at

    def forget(self, order_id: str) -> None:
        """Look at it again when there is news of it."""
        self._stories.pop(order_id, None)
        for news in self._last_news.values():
            news.pop(order_id, None)

    def postpone(self, order_id: str, now: float) -> None:
        """Looked at in vain; look again after the same time."""
        for news in self._last_news.values():
            if order_id in news:
                news[order_id] = now
                news.move_to_end(order_id)

    def next_at(self) -> float | None:
        """When the next order is due; None while all is quiet for good."""
        times = [next(iter(news.values())) + self._limits[waiting] for waiting, news in self._last_news.items() if news]
        return max(min(times), self.not_before) if times else None

    def due(self, now: float) -> list[str]:
        """Orders whose time has come, longest quiet first."""
        if now < self.not_before:
            return []
        found: list[str] = []
        for waiting, news in self._last_news.items():
            for order_id, at in news.items():
                if at + self._limits[waiting] > now:
                    break
                found.append(order_id)
        return found

    def is_due(self, story: Story, last_news_at: float, now: float) -> bool:
        waiting = story.status() is OrderStatus.WAITING_FOR_APPROVAL
        return last_news_at + self._limits[waiting] <= now
