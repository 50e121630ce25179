"""Plays the scenario that is named, and prints what came of it as JSON. programs/client.php does the same."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "clients/python"))

from drover_client import CallError, DroverError, output, run, run_all  # noqa: E402

DROVER = ["node", ROOT / "bin/drover.cjs"]
WORD = os.environ.get("WORD", "")


def echoes(count):
    for n in range(count):
        yield {"id": "task %d" % n, "command": "echo", "args": [str(n)]}


def caught(tasks, **options):
    try:
        return run_all(tasks, **options)
    except DroverError as error:
        return {
            "kind": "call" if isinstance(error, CallError) else "drover",
            "message": str(error),
            "status": error.status,
            "signal": error.signal,
            "stderr": error.stderr,
        }
    except Exception as error:
        return {"kind": "other", "message": str(error)}


def many():
    found = {}
    for result in run(echoes(2000), program=DROVER, jobs=4):
        if result["state"] == "succeeded":
            found[result["id"]] = result["stdout"].strip()
    return [len(found), sum(found.get("task %d" % n) == str(n) for n in range(2000))]


def ordered():
    tasks = [["sleep", "0.4"], "exit 3", ["echo", "x"]]
    order = [result["index"] for result in run(tasks, program=DROVER, jobs=3, keep_order=True)]
    return [order, [result["index"] for result in run_all(tasks, program=DROVER, jobs=3)]]


def big():
    script = 'cat; head -c 5000000 /dev/zero | tr "\\0" e >&2'
    tasks = [{"command": script, "stdin": "o" * 5000000}] * 3
    return [
        [result["stdout"] == "o" * 5000000, result["stderr"] == "e" * 5000000]
        for result in run_all(tasks, program=DROVER)
    ]


def failing():
    tasks = [
        {"id": "well", "command": "true"},
        {"id": "fails", "command": "echo why >&2; exit 3"},
        {"id": "killed", "command": "kill -9 $$"},
        {"id": "nowhere", "command": "/nowhere/program", "args": []},
        {"id": "slow", "command": "sleep 100", "timeoutMs": 100},
        {"id": "bad", "comand": "true"},
        {"id": "well", "command": "echo again"},
    ]
    names = ("id", "state", "exitCode", "signal", "stderr")
    return [[result[name] for name in names] for result in run_all(tasks, program=DROVER)]


def bytes_():
    tasks = [
        {"command": "printf", "args": ["%s", b"a\xffb"]},
        {"command": b"printf '\xfe'; printf '\\377' >&2"},
        {"command": "cat", "args": [], "stdin": b"\x00\xff", "env": {"X": b"\xfd"}},
        {"command": 'printf "$X"', "env": {"X": os.fsdecode(b"\xfd")}},
        "printf ü",
    ]
    return [[output(result).hex(), output(result, "stderr").hex()] for result in run_all(tasks, program=DROVER)]


def mistakes():
    def raising():
        yield "true"
        raise RuntimeError("no more tasks")

    return {
        "jobs": caught(["true"], program=DROVER, jobs="zz"),
        "program": caught(["true"], program="/nowhere/drover"),
        "broken": caught(["true"], program=["sh", "-c", "echo on fire >&2; exit 102"]),
        "killed": caught(["true"], program=["sh", "-c", "kill -9 $$"]),
        "babbling": caught(["true"], program=["sh", "-c", "echo hello"]),
        "stranger": caught(["true"], program="true"),
        "option": caught(["true"], program=DROVER, job=1),
        "type": caught(["true"], program=DROVER, keep_order=1),
        "task": caught([12], program=DROVER),
        "json": caught([{"command": "true", "meta": float("nan")}], program=DROVER),
        "raising": caught(raising(), program=DROVER),
    }


def variable():
    return [result["stdout"] for result in run_all(["echo found"])]


def place():
    messages = []
    results = run_all(
        ["pwd; echo $COLOUR $HOME"],
        program=DROVER,
        cwd="/",
        env={"COLOUR": "red", "HOME": None},
        on_message=messages.append,
        verbose=True,
    )
    return [[result["stdout"] for result in results], b"".join(messages).decode()]


def feedback():
    following = [1]

    def tasks():
        while following != [0]:
            yield "echo %d" % following.pop() if following else None

    seen = []
    for result in run(tasks(), program=DROVER):
        seen.append(int(result["stdout"]))
        following.append(0 if len(seen) == 5 else seen[-1] * 2)
    return seen


def halted():
    return len(run_all(iter(lambda: "exit 1", None), program=DROVER, halt="now,fail=3")) >= 3


def early():
    def endless():
        yield "echo first"
        while True:
            yield "sleep %s; :" % WORD

    for result in run(endless(), program=DROVER, jobs=3):
        if result["state"] == "succeeded":
            break
    return subprocess.check_output(["ps", "-eo", "args"]).decode().count("sleep " + WORD)


def leaves():
    for _ in run(["echo first", "sleep %s; :" % WORD], program=DROVER, jobs=3):
        sys.exit(7)


def waits():
    for _ in run(["echo first", "sleep %s; :" % WORD], program=DROVER, jobs=3):
        print("first", flush=True)


def nothing():
    return [run_all([], program=DROVER), next(run({"echo x": 1}.keys(), program=DROVER))["stdout"]]


scenarios = {"bytes": bytes_}
print(json.dumps((scenarios.get(sys.argv[1]) or globals()[sys.argv[1]])()))
