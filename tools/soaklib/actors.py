"""Threads that act until they are stopped, and pause together while the books are compared."""

import random
import threading
import time
import traceback

from support.waiting import PATIENCE

PAUSED_WITHIN = 60.0 * PATIENCE


class Stage:
    """Where actors act. They pause between two acts, never within one."""

    def __init__(self, verdicts, seed: int):
        self.stopped = threading.Event()
        self._verdicts, self._seed = verdicts, seed
        self._open = threading.Event()
        self._changed = threading.Condition()
        self._busy = 0
        self._threads: list[threading.Thread] = []

    def add(self, name: str, act, pause_s: float, pausing: bool = True):
        """`act(random)` again and again, with a pause of this length in the mean between."""
        source = random.Random(f"{self._seed} {name}")
        args = (name, act, pause_s, pausing, source)
        thread = threading.Thread(target=self._run, args=args, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def resume(self):
        self._open.set()

    def pause(self):
        """Until nobody acts."""
        self._open.clear()
        with self._changed:
            if not self._changed.wait_for(lambda: self._busy == 0, PAUSED_WITHIN):
                self._verdicts.violated("every act ends", "some still act")

    def stop(self):
        self.stopped.set()
        self._open.set()
        for thread in self._threads:
            thread.join(PAUSED_WITHIN)

    def _run(self, name, act, pause_s, pausing, source):
        while not self.stopped.is_set():
            if pausing:
                self._open.wait()
                with self._changed:
                    if not self._open.is_set():
                        continue
                    self._busy += 1
            try:
                if not self.stopped.is_set():
                    act(source)
            except Exception:  # noqa: BLE001 - every exception is a finding
                self._verdicts.violated(f"{name} goes on", traceback.format_exc())
                time.sleep(1)
            finally:
                if pausing:
                    with self._changed:
                        self._busy -= 1
                        self._changed.notify_all()
            self.stopped.wait(source.uniform(0, 2 * pause_s))
