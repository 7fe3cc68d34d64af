"""Requests that wait in one event loop for whichever endpoint admits one first."""

from __future__ import annotations

import asyncio
import copy
import math
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from nemo_sdg.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.client.member import Member
    from nemo_sdg.client.question import Question, Tries
    from nemo_sdg.limits import Permit

_LOOK = 0.25
"""Seconds between two looks at whether a trial is over."""
_MOST_PULLERS = 64
"""Of one member, unless it has more places: its budget grants no more at a time than are wanted."""
_FAR = 16
"""Requests among which one is looked for that did not fail at the member which has room."""


class _Waiting:
    """A request in line."""

    __slots__ = ("admitted", "question", "tries")

    def __init__(self, question: Question, tries: Tries) -> None:
        self.question = question
        self.tries = tries
        self.admitted: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()


class Line:
    """The requests for one model, first come, first served, those that are tried again before new ones.

    While any wait, tasks ask the members' limiters for permits, and hand each to the head of the line.
    `tries.asked` says who has admitted a request. All of it runs in one event loop.
    """

    def __init__(self, members: Sequence[Member], model: str) -> None:
        self._members = members
        self._model = model
        self._limiters = {member: member.limiter(model) for member in members}
        self._pullers: dict[Member, set[asyncio.Task[None]]] = {member: set() for member in members}
        self._waiting: deque[_Waiting] = deque()

    async def acquire(self, question: Question, tries: Tries) -> Permit:
        """Wait until `question` may be sent by one of the members; raises `RunStopped` after a stop."""
        if not self._waiting:
            permit = self._spare(question, tries)
            if permit is not None:
                return permit
        waiting = _Waiting(question, tries)
        if tries.failure is None:
            self._waiting.append(waiting)
        else:
            self._waiting.appendleft(waiting)
        self._pull_more()
        try:
            return await waiting.admitted
        except asyncio.CancelledError:
            self._forget(waiting)
            raise

    def refuse(self, error: Exception) -> None:
        """Have everybody who waits fail with `error`."""
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            if not each.admitted.done():
                each.admitted.set_exception(of_request(error, each.tries))
        self._end_pullers()

    def _spare(self, question: Question, tries: Tries) -> Permit | None:
        """Return a permit that is at hand, of the member with the most room; a trial goes before."""
        ranked = []
        for member in self._members:
            if self._unwanted(member, tries):
                continue
            if member.rest.works:
                in_flight, window = self._limiters[member].flow()
                room: float = window - in_flight
                if room > 0:
                    ranked.append((room, member))
            elif member.rest.left() == 0:
                ranked.append((math.inf, member))
        if len(ranked) > 1:
            ranked.sort(key=_by_room, reverse=True)
        for _, member in ranked:
            permit = self._limiters[member].acquire_spare(member.estimate(question))
            if permit is not None:
                if member.rest.take(tries):
                    tries.asked = member
                    return permit
                permit.release()
        return None

    def _forget(self, cancelled: _Waiting) -> None:
        admitted, tries = cancelled.admitted, cancelled.tries
        if admitted.done() and not admitted.cancelled():
            if admitted.exception() is None and tries.asked is not None:
                tries.asked.give_back(admitted.result(), tries)
            return
        if cancelled in self._waiting:
            self._waiting.remove(cancelled)
        if not self._waiting:
            self._end_pullers()

    def _pull_more(self) -> None:
        """Have as many permits asked for as can be of use: of a member that rests, one."""
        loop = asyncio.get_running_loop()
        for member, pullers in self._pullers.items():
            most = max(_MOST_PULLERS, self._limiters[member].most_in_flight)
            wanted = min(len(self._waiting), most if member.rest.works else 1)
            while len(pullers) < wanted:
                pullers.add(loop.create_task(self._pull(member)))

    def _end_pullers(self) -> None:
        current = asyncio.current_task()
        for pullers in self._pullers.values():
            for puller in pullers:
                if puller is not current:  # which ends by itself
                    puller.cancel()
            pullers.clear()

    async def _pull(self, member: Member) -> None:
        """Take permits of `member` for those who wait, until there are none."""
        limiter, pullers = self._limiters[member], self._pullers[member]
        me = asyncio.current_task()
        assert me is not None
        try:
            while self._waiting and me in pullers:
                left = member.rest.left()
                if left > 0:
                    if len(pullers) > 1:
                        return  # one of them is enough for what follows
                    await limiter.pause(min(left, _LOOK))
                    self._pull_more()
                    continue
                permit = await limiter.acquire(member.estimate(self._waiting[0].question))
                if self._waiting and self._unwanted(member, self._waiting[self._turn(member)].tries):
                    await _yield(permit)  # to another member that has room, too
                if not self._hand_over(member, permit):
                    permit.release()
        except Exception as error:  # noqa: BLE001 - a stop above all; whatever it is, those who wait must hear
            if me in pullers:
                self.refuse(error)
        finally:
            pullers.discard(me)

    def _hand_over(self, member: Member, permit: Permit) -> bool:
        """Give `permit` to the one whose turn it is; False when nobody can take it."""
        while self._waiting:
            place = self._turn(member)
            waiting = self._waiting[place]
            if waiting.admitted.done():  # cancelled
                del self._waiting[place]
                continue
            if not member.rest.take(waiting.tries):
                return False
            del self._waiting[place]
            waiting.tries.asked = member
            waiting.admitted.set_result(permit)
            if not self._waiting:
                self._end_pullers()
            return True
        self._end_pullers()
        return False

    def _unwanted(self, member: Member, tries: Tries) -> bool:
        """Return whether `tries` failed at `member` last, and another might do better."""
        return member is tries.asked and any(
            other.rest.works for other in self._members if other is not member
        )

    def _turn(self, member: Member) -> int:
        """Return the place in line of the first one that has not just failed at `member`, 0 if all have."""
        if self._waiting[0].tries.asked is member:
            for place, waiting in enumerate(islice(self._waiting, _FAR)):
                if waiting.tries.asked is not member:
                    return place
        return 0


def of_request(error: Exception, tries: Tries) -> Exception:
    """Return `error`, which another request met with, as that of the request with `tries`."""
    own = copy.copy(error)
    if isinstance(own, RequestError):
        own.attempts, own.throttles = tries.attempts, tries.throttles
    return own


async def _yield(permit: Permit) -> None:
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        permit.release()
        raise


def _by_room(ranked: tuple[float, Member]) -> float:
    return ranked[0]
