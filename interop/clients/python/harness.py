"""The lines of the contract (../README.md) for programs in Python."""

import os
import sys
import threading
import time
import traceback

BOOTSTRAP = os.environ.get("BOOTSTRAP", "")
ONLY = os.environ.get("CHECKS", "")

_passed = 0
_failed = 0
_uniques = 0


class Failed(Exception):
    """A check did not get what it wants."""


class Skipped(Exception):
    """This client cannot do what the check needs."""


def unique(prefix):
    global _uniques
    _uniques += 1
    return f"{prefix}-{os.getpid()}-{_uniques}"


def say(line):
    print(line.replace("\n", " "), flush=True)


class Check:
    """One running check; it knows when its time is over."""

    def __init__(self, limit):
        self.deadline = time.monotonic() + limit

    def over(self):
        return time.monotonic() > self.deadline

    def that(self, holds, otherwise):
        if not holds:
            raise Failed(otherwise)

    def same(self, want, got, what):
        if want != got:
            raise Failed(f"{what}: want {want!r}, got {got!r}")

    def eventually(self, problem):
        """Asks until there is no problem left."""
        while True:
            last = problem()
            if last is None:
                return
            if self.over():
                raise Failed(last)
            time.sleep(0.05)

    def restart(self, how):
        say("RESTART " + how)
        answer = sys.stdin.readline().strip()
        self.that(answer == "OK", "restart of the node: " + answer)


def run(name, limit, body):
    """Runs body(check); a check that hangs is given up 15 seconds after its limit."""
    global _passed, _failed
    if ONLY not in name:
        return
    outcome = []

    def guarded():
        try:
            body(Check(limit))
            outcome.append(("PASS", ""))
        except Failed as e:
            outcome.append(("FAIL", str(e)))
        except Skipped as e:
            outcome.append(("SKIP", str(e)))
        except Exception as e:  # noqa: BLE001 - whatever the client threw is the result of the check
            frames = traceback.extract_tb(e.__traceback__)
            where = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(frames[-6:]))
            outcome.append(("FAIL", f"{e!r} at {where}"))

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(limit + 15)
    kind, reason = outcome[0] if outcome else ("FAIL", "still running 15 s after its limit")
    _passed += kind == "PASS"
    _failed += kind == "FAIL"
    say(f"{kind} {name}" + (f": {reason}" if reason else ""))


def finish():
    say(f"{_passed} passed, {_failed} failed")
    os._exit(1 if _failed else 0)  # threads of a check that hangs must not keep the program alive
