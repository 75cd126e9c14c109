"""`make run`: migrations, reference and demo data, then web, sender and worker until Ctrl-C.

The three are forked from this process, which has loaded what they share: memory holds it once.
"""

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
HOST = "127.0.0.1"
STOP_SECONDS = 15
SHARED = ("flask.cli", "gunicorn.app.wsgiapp", "survey", "survey.cli.sender", "survey.cli.worker")


def environment() -> dict[str, str]:
    """What the operator set, over the defaults of `make run`."""
    defaults = {"DEMO": "1", "PORT": "8000"}
    given = {name: value for name, value in os.environ.items() if value}
    return {**defaults, **given, "PYTHONUNBUFFERED": "1"}


def refuse_taken_port(port: int) -> None:
    """Say so before minutes of loading, not after."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            sys.exit(
                f"Port {port} cannot be used ({error.strerror}). Try: make run PORT={port + 1}"
            )


def flask(env: dict[str, str], *words: str) -> None:
    """Run one command of the product; its failure ends the start."""
    done = subprocess.run(
        [BIN / "flask", "--app", "survey", *words], cwd=ROOT, env=env, check=False
    )
    if done.returncode:
        sys.exit(f"`flask --app survey {' '.join(words)}` failed; the lines above say why.")


def prepare(env: dict[str, str]) -> None:
    """Bring the database up to date and, if it has no dossier yet, fill it."""
    started = time.monotonic()
    print("Bringing the database up to date …")
    flask(env, "db", "upgrade")
    flask(env, "reference", "load")
    if env["DEMO"] == "1":
        flask(env, "demo", "load", "--if-empty")
    print(f"Ready after {time.monotonic() - started:.0f} s.")


def start(env: dict[str, str]) -> dict[str, ForkProcess]:
    """Fork each process, with a session of its own: Ctrl-C reaches this process only."""
    for name in SHARED:
        import_module(name)
    # Looking for garbage among what is shared would copy its pages into every process.
    gc.collect()
    gc.freeze()
    config, bind = str(ROOT / "deploy" / "gunicorn.conf.py"), f"{HOST}:{env['PORT']}"
    commands = {
        "web": ["gunicorn", "--config", config, "--bind", bind, "survey:create_app()"],
        "sender": ["flask", "--app", "survey", "sender"],
        "worker": ["flask", "--app", "survey", "worker"],
    }
    running = {
        name: get_context("fork").Process(target=become, args=(words, env))
        for name, words in commands.items()
    }
    for process in running.values():
        process.start()
    return running


def become(words: list[str], env: dict[str, str]) -> None:
    """Be the command of these words from now on, as if it had been started by itself."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(ROOT)
    os.environ.update(env)
    sys.argv = words
    if words[0] == "flask":
        import_module("flask.cli").main()
    else:
        import_module("gunicorn.app.wsgiapp").run()


def stop(running: dict[str, ForkProcess]) -> None:
    """Ask every process to end, and end those that do not within some seconds, children too."""
    for process in running.values():
        process.terminate()
    for process in running.values():
        process.join(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # it left nobody behind
            os.killpg(process.ident, signal.SIGKILL)
        process.join()


def serve(env: dict[str, str]) -> int:
    """All in the foreground; when one ends or Ctrl-C comes, all are stopped."""
    wanted = True

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal wanted
        wanted = False

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    running = start(env)
    print(f"\n  Lắng Nghe: http://localhost:{env['PORT']}/demo   (Ctrl-C stops it)\n", flush=True)
    while wanted and all(process.is_alive() for process in running.values()):
        time.sleep(0.2)
    ended = [name for name, process in running.items() if not process.is_alive()]
    stop(running)
    if ended and wanted:
        names = " and ".join(ended)
        print(f"Stopped, because {names} ended; the lines above say why.", file=sys.stderr)
        return 1
    print("\nStopped.")
    return 0


def main() -> int:
    """Everything between `make run` and Ctrl-C."""
    env = environment()
    if not env["PORT"].isdigit():
        sys.exit(f"PORT must be a number, not {env['PORT']!r}.")
    refuse_taken_port(int(env["PORT"]))
    prepare(env)
    return serve(env)


if __name__ == "__main__":
    sys.exit(main())
