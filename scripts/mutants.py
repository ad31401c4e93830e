#!/usr/bin/env python3
"""make mutants: runs the tests against every seeded bug, one at a time, until one test fails.

Usage: mutants.py BUILD-DIRECTORY [NAME ...]

The tests of each bug stand in mutants.txt. First the same tests run without any bug (the control):
they must pass, and how long they take bounds how long they may take with one. A failed test, a
trap and a run that does not end count as caught, and are named as such. Ends with 1 where a bug
survives or the control fails, and with 2 where that cannot be said: the table and the build do not
know the same bugs, or a pattern names no test.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).parent
ENUM = HERE.parent / "Sources" / "WAL" / "Mutants" / "Mutant.swift"
CHOSEN = 30        # bugs were chosen before the first was put in (docs/mutants.md): the denominator
UNSOUND = 2        # how this ends where no mutant was judged: neither caught nor a survivor
UNKNOWN = "there is no such mutant"  # what a build says (Mutant.swift) of a name that it lacks
SECONDS_MIN = 180  # of a run that takes no time without a bug
NO_TEST = 69       # how Swift Testing ends where a filter leaves nothing
PATIENCE = 10      # as many times as long as without one is no slowness any more
ISSUE = re.compile(r'Test "?(?P<test>.+?)"? recorded an issue(?: with \d+ arguments? (?P<case>.+?))?'
                   r' at (?P<place>\S+): (?P<what>.*)')
COMMAND = re.compile(r"make (explore|simulate|flips) [^,]*")


def refuse(why):
    """Ends: what is wrong is the harness, and says nothing about the tests."""
    print(f"mutants: {why}", file=sys.stderr, flush=True)
    sys.exit(UNSOUND)


def read_table():
    bugs, wider, absent = {}, [], {}
    for line in (HERE / "mutants.txt").read_text().splitlines():
        words = line.split()
        if not words or words[0] == "#" or line.startswith("#"):
            continue
        if words[0] == "*":
            wider += words[1:]
            continue
        name = words[1] if words[0] == "-" else words[0]
        if name in bugs or name in absent:
            refuse(f"mutants.txt has {name} twice")
        if words[0] == "-":
            absent[name] = " ".join(words[2:])
        else:
            bugs[name] = words[1:]
    return bugs, wider, absent


def read_enum():
    """The names in Mutant.swift: one case a line, as the format of the sources has it."""
    names = re.findall(r"^ +case +(.+?) *(?://.*)?$", ENUM.read_text(), re.MULTILINE)
    if not names or (odd := [name for name in names if not re.fullmatch(r"\w+", name)]):
        refuse(f"{ENUM.name} has no cases of the form that is read here: {names and odd}")
    return names


def compare(bugs, absent):
    """A name that no build knows traps, and a trap counts as caught; a case that is in no line is
    never run, and nobody misses it."""
    cases = read_enum()
    if unknown := [name for name in bugs if name not in cases]:
        refuse(f"mutants.txt names what {ENUM.name} does not have: {' '.join(unknown)}")
    if unlisted := [name for name in cases if name not in bugs]:
        refuse(f"{ENUM.name} has what mutants.txt does not run: {' '.join(unlisted)}")
    if len(bugs) + len(absent) != CHOSEN:
        refuse(f"{len(bugs)} bugs to run and {len(absent)} absent ones are not the {CHOSEN} chosen")


class Run:
    """One run of the tests that `pattern` names, with a bug or without."""

    def __init__(self, tests, pattern, bug, seconds_max, log):
        environment = dict(os.environ, NO_COLOR="1", SWIFT_BACKTRACE="enable=no")
        environment.pop("HOLDFAST_MUTANT", None)
        if bug:
            environment["HOLDFAST_MUTANT"] = bug
        self.by, self.after = None, ""
        self.count, self.is_late, self.is_unknown = 0, False, False
        self.trap, self.under_way = "", []
        start = time.monotonic()
        self.process = subprocess.Popen(
            [tests, "--testing-library", "swift-testing", "--filter", pattern],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=environment, text=True, errors="replace", start_new_session=True)
        timer = threading.Timer(seconds_max, self.expire)
        timer.start()
        with open(log, "a") as output:
            output.write(f"\n=== {bug or 'control'}: {pattern}\n")
            self.read(output)
        self.end()
        timer.cancel()
        self.seconds = time.monotonic() - start
        self.judge(pattern, bug)

    def read(self, output):
        """Reads to the end, or to the first failure and what is said about it."""
        for line in self.process.stdout:
            output.write(line)
            self.is_unknown = self.is_unknown or UNKNOWN in line
            if self.by:
                # What the test says about it, and the line that repeats it where there is one.
                if "\u21b3" not in line:
                    return
                self.after = line.split("\u21b3", 1)[1].strip() or self.after
                continue
            if found := ISSUE.search(line):
                self.by = found["test"]
                case = f"{found['case']}: " if found["case"] else ""
                self.after = f"{case}{found['place'].rstrip(':')} {found['what']}"
                if found := COMMAND.search(line):
                    self.after = found[0]
                    return
            elif found := re.search(r"Test run with (\d+) tests?", line):
                self.count = int(found[1])
            elif "Fatal error" in line or "fatal:" in line:
                self.trap = line.strip()
            elif found := re.search(r'Test "?(.+?)"? started\.', line):
                self.under_way.append(found[1])
            elif found := re.search(r'Test "?(.+?)"?( with .*)? (passed|failed) after', line):
                self.under_way = [name for name in self.under_way if name != found[1]]

    def judge(self, pattern, bug):
        code = self.process.returncode
        if self.is_unknown:
            refuse(f"{bug}: the build does not know it; was it built from these sources?")
        if self.count == 0 and code in (0, NO_TEST):
            refuse(f"mutants.txt: {pattern} names no test")
        under_way = ", ".join(self.under_way[:2]) or pattern
        if self.by:
            return
        if self.is_late:
            self.by, self.after = under_way, "HANG: it does not end"
        elif code != 0:
            self.by = under_way
            self.after = "TRAP: " + (self.trap or f"the process ended with {code}")

    def expire(self):
        self.is_late = True
        self.end()

    def end(self):
        """Ends the run's own processes, those that a test started included."""
        if self.process.poll() is None and (self.is_late or self.by):
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


def main():
    build = pathlib.Path(sys.argv[1])
    bugs, wider, absent = read_table()
    compare(bugs, absent)
    if unknown := [name for name in sys.argv[2:] if name not in bugs]:
        refuse(f"no such mutant: {' '.join(unknown)}; there are {' '.join(bugs)}")
    tests = next((build / "release").glob("*.xctest"), None)
    if tests is None:
        refuse(f"{build}: no tests were built there")
    names = sys.argv[2:] or list(bugs)
    log = build / "mutants.log"
    log.write_text("")
    control = {}

    def controlled(pattern):
        """Whether these tests pass without a bug: else they say nothing about one."""
        if pattern not in control:
            run = Run(tests, pattern, None, 1_800, log)
            control[pattern] = run
            said = f"FAILS: {run.by}: {run.after}" if run.by else f"{run.count} tests pass"
            print(f"control  {pattern:34} {said}  {run.seconds:.1f} s", flush=True)
        return control[pattern].by is None

    for name in names:
        for pattern in bugs[name]:
            controlled(pattern)
    survivors = []
    for name in names:
        seconds, run = 0.0, None
        for pattern in bugs[name] + wider:
            if not controlled(pattern):
                continue
            bound = max(SECONDS_MIN, PATIENCE * control[pattern].seconds)
            run = Run(tests, pattern, name, bound, log)
            seconds += run.seconds
            if run.by:
                break
        if run and run.by:
            print(f"{name:30} | {run.by} | {run.after[:160]} | {seconds:.1f} s", flush=True)
        else:
            survivors.append(name)
            print(f"{name:30} | SURVIVES | | {seconds:.1f} s", flush=True)
    for name, reason in absent.items():
        print(f"{name:30} | not here yet: {reason}")
    failed = [pattern for pattern, run in control.items() if run.by]
    # Of those that were chosen, not of those that happen to be here.
    print(f"{len(names) - len(survivors)} of {CHOSEN} mutants caught"
          + (f"; survivors: {' '.join(survivors)}" if survivors else "")
          + (f"; not run this time: {len(bugs) - len(names)}" if len(names) < len(bugs) else "")
          + (f"; not here yet: {' '.join(absent)}" if absent else "")
          + (f"; the control fails: {' '.join(failed)}" if failed else "; the control is green")
          + f"; all output in {log}")
    return 1 if survivors or failed else 0


sys.exit(main())
