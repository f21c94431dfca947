"""What the scripts in Python have in common."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TOOLS = ROOT / ".tools"
BASE_PATH = "/api/v1"
# Everything is on loopback, whatever proxy the machine has for the rest.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def tools(*sets):
    """Puts sets of tools below `.tools`."""
    subprocess.run([ROOT / "scripts/tools", *sets], check=True)


def send(method, url, token=None, body=None, headers=None):
    """The status and the text of an answer."""
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if isinstance(body, (dict, list)):
        headers["Content-Type"] = "application/json"
        body = json.dumps(body).encode()
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with OPENER.open(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def answers(url):
    """Whether somebody is there, be it to refuse."""
    try:
        send("GET", url)
        return True
    except OSError:
        return False


def eventually(what, probe, process=None, seconds=120):
    """What `probe` gives, once it gives something. It must come before `process` ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (process and process.poll() is not None):
        if found := probe():
            return found
        time.sleep(0.2)
    sys.exit(f"it never came about that {what}")


def stop(process, by=signal.SIGTERM):
    """Ends a process in good order, or else at once."""
    process.send_signal(by)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_local(folder, log):
    """A `local` with an empty table on a free port: its process, and what it tells when it is ready."""
    ready = pathlib.Path(folder) / "ready.json"
    program = TARGET / "debug" / "local"
    command = [program, "--port", "0", "--data", f"{folder}/data", "--ready-file", ready]
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        eventually("local is ready", ready.exists, process)
    except SystemExit:
        stop(process)
        raise
    return process, json.loads(ready.read_text())
