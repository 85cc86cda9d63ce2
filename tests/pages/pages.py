#!/usr/bin/env python3
"""Opens statements in headless Chromium: with harmless names and with names that try to be markup.

    pages.py SLA_CASE [--chromium PROGRAM] [--keep FOLDER]

Neither page may write to the console, ask the network for anything, open a dialog or run a script; names must be there as text; the hostile page
must have exactly as many elements as its harmless twin; all fit a screen 320 px wide and a sheet of A4. Speaks the DevTools protocol over a pipe;
plain Python.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sample

HOSTILE = {
    "customer": "\"><svg onload=alert(1)>",
    "services": ["</style><script>window.broken=1</script>", "' onmouseover='alert(2)", "\u202e\u0627\u0644\u0639\u0631\u0628\u064a\u0629 & co"],
    "reasons": ["<img src=x onerror=alert(3)>", "]]><!--", "&lt;b&gt; {{7*7}} ${7*7}"],
}
LONG = {
    "customer": "W" * 255,
    "services": ["a" * 255, "<" * 255, "\u0645" * 127],
    "reasons": ["m" * 1000, "&" * 1000, "i " * 500],
}
TIMEOUT_S = 60


class Browser:
    """A Chromium on a pipe: messages are JSON texts with a NUL behind."""

    def __init__(self, program, profile):
        to_browser, self.out = os.pipe()
        self.inp, from_browser = os.pipe()

        def wire():
            # The browser reads descriptor 3 and writes 4; the pipes may have these very numbers.
            reading, writing = os.dup(to_browser), os.dup(from_browser)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=wire, close_fds=False, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.events = []

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            if time.monotonic() > deadline:
                sys.exit("the browser does not answer")
            piece = os.read(self.inp, 1 << 16)
            if not piece:
                sys.exit("the browser ended")
            self.buffer += piece
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method, session):
        deadline = time.monotonic() + TIMEOUT_S
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event.get("method") == method and event.get("sessionId") == session:
                    return
            seen = len(self.events)
            self.events.append(self.receive(deadline))

    def close(self):
        """Ends the whole session: a child that outlives the first process still writes into the profile."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        deadline = time.monotonic() + 10
        try:
            while time.monotonic() < deadline:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.poll()
                time.sleep(0.05)
        except ProcessLookupError:
            pass
        self.process.wait()


def complaints(events, session, url):
    """What a page did that it must not do."""
    found = []
    for event in events:
        if event.get("sessionId") != session:
            continue
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Log.entryAdded":
            found.append("console: " + parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            found.append("console: " + json.dumps(parameters["args"]))
        elif method == "Runtime.exceptionThrown":
            found.append("exception: " + json.dumps(parameters["exceptionDetails"]))
        elif method == "Page.javascriptDialogOpening":
            found.append("dialog: " + parameters["message"])
        elif method == "Network.requestWillBeSent" and parameters["request"]["url"] != url:
            found.append("request: " + parameters["request"]["url"])
    return found


class Tab:
    def __init__(self, browser, path):
        self.browser = browser
        self.url = path.as_uri()
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.call(domain + ".enable", self.session)
        browser.call("Page.navigate", self.session, url=self.url)
        browser.wait_for("Page.loadEventFired", self.session)

    def evaluate(self, expression):
        answer = self.browser.call("Runtime.evaluate", self.session, expression=expression,
                                   returnByValue=True)
        return answer["result"].get("value")

    def width(self, media, available):
        self.browser.call("Emulation.setEmulatedMedia", self.session, media=media)
        self.browser.call("Emulation.setDeviceMetricsOverride", self.session, width=available,
                          height=900, deviceScaleFactor=1, mobile=False)
        return self.evaluate("document.documentElement.scrollWidth")

    def complaints(self):
        return complaints(self.browser.events, self.session, self.url)


def check_page(browser, path, names, failures):
    """Returns the number of elements."""
    tab = Tab(browser, path)
    where = path.name

    def expect(what, condition):
        if not condition:
            failures.append(f"{where}: {what}")

    shown = tab.evaluate("Array.from(document.querySelectorAll('bdi'), e => e.textContent)")
    for name in [names["customer"], *names["services"], *names["reasons"]]:
        expect(f"{name[:40]!r} is not shown as text", name.strip() in [text.strip() for text in shown])
    expect("there is a script", tab.evaluate("document.scripts.length") == 0)
    expect("a script ran", tab.evaluate("typeof window.broken") == "undefined")
    expect("the style is not applied", tab.evaluate("getComputedStyle(document.body).marginTop") == "0px")
    expect("an element has an event handler", tab.evaluate(
        "Array.from(document.querySelectorAll('*')).every(e =>"
        " Array.from(e.attributes).every(a => !a.name.startsWith('on') && a.name != 'style'))"))
    expect("a heading is empty", tab.evaluate(
        "Array.from(document.querySelectorAll('h1,h2,h3,th')).every(e => e.textContent.trim() != '')"))
    expect("a part is missing", tab.evaluate("document.querySelectorAll('section').length") == 12)
    count = tab.evaluate("document.getElementsByTagName('*').length")
    for media, available in (("screen", 320), ("print", 688)):  # A4 less its margins has 688 px
        width = tab.width(media, available)
        expect(f"{media}: it is {width} px wide where {available} px are", width <= available)
    failures += [f"{where}: {complaint}" for complaint in tab.complaints()]
    return count


def render(program, folder, name, text):
    path = folder / (name + ".html")
    answer = subprocess.run([program, "html"], input=text.encode(), capture_output=True, check=False)
    if answer.returncode != 0 or not answer.stdout:
        sys.exit(f"{name}: status {answer.returncode}: {answer.stderr.decode()}")
    path.write_bytes(answer.stdout)
    return path


def check_sensitivity(browser, folder, failures):
    """A page that does what ours must not do is noticed: otherwise silence would mean nothing."""
    path = folder / "bad.html"
    path.write_text("<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
                    "<img src=http://127.0.0.1:9/x><script>1</script>", encoding="utf-8")
    tab = Tab(browser, path)
    if len(tab.complaints()) < 2:
        failures.append("a bad page is not noticed: " + "; ".join(tab.complaints()))


def check_all(program, browser, folder, failures):
    for method, pool in (("state_time", "all_required"), ("request_ratio", "per_service")):
        counts = {}
        for kind, names in (("harmless", sample.HARMLESS), ("hostile", HOSTILE), ("long", LONG)):
            path = render(program, folder, f"{method}-{kind}", sample.case(names, method, pool))
            counts[kind] = check_page(browser, path, names, failures)
        if len(set(counts.values())) != 1:
            failures.append(f"{method}: elements differ: {counts}")
        print(f"{method}: {counts['harmless']} elements")
    check_sensitivity(browser, folder, failures)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--keep", type=Path, help="leave the pages in this folder")
    options = parser.parse_args()
    if shutil.which(options.chromium) is None:
        sys.exit(f"{options.chromium} is not installed: apt-get install chromium")
    failures = []
    with tempfile.TemporaryDirectory(prefix="uptally-pages-", ignore_cleanup_errors=True) as temporary:
        folder = options.keep or Path(temporary)
        browser = Browser(options.chromium, Path(temporary) / "profile")
        try:
            check_all(options.program, browser, folder.resolve(), failures)
        finally:
            browser.close()
    if failures:
        sys.exit("\n".join(failures))
    print("all pages are quiet, harmless and complete")


if __name__ == "__main__":
    main()
