"""How long `aster post` and `aster read` take as whole processes, beside bare Python and bare Typer.

    python benchmarks/cli_latency.py [rounds]

A daemon runs on a fresh home. Every round starts each program once, in turn, so that whatever else the
machine does hits them alike. Prints medians; the last line is one JSON object:

    python_ms  an empty Python program          typer_ms  a bare Typer program with one command
    post_ms    `aster post`, durable             read_ms   `aster read` of 50 messages
    ratio      post over bare Typer
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 25
INSTALLED = Path(sys.executable).with_name("aster")
ASTER = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "cli"]
BARE_TYPER = """\
import typer

app = typer.Typer()


@app.command()
def post(text: str, reply_to: str = "", json: bool = False) -> None:
    print(text)


app()
"""


def time_ms(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of a whole process."""
    begun = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "ASTERISM_HOME": str(Path(folder, "home"))}
        bare = Path(folder, "bare.py")
        bare.write_text(BARE_TYPER)
        subprocess.run(
            [*ASTER, "init", "--name", "bench", "--unattended", "--quiet"], env=environment, check=True
        )
        daemon = subprocess.Popen(
            [*ASTER, "run", "--json", "--listen", "/ip4/127.0.0.1/tcp/0"],
            env=environment,
            stdout=subprocess.PIPE,
        )
        try:
            assert daemon.stdout is not None
            print(daemon.stdout.readline().decode().strip())
            lines = "\n".join(f"message {number}" for number in range(50))
            subprocess.run(
                [*ASTER, "post", "--lines", "-"], env=environment, input=lines.encode(), check=True
            )
            commands = {
                "python_ms": [sys.executable, "-c", "pass"],
                "typer_ms": [sys.executable, str(bare), "hello"],
                "post_ms": [*ASTER, "post", "hello"],
                "read_ms": [*ASTER, "read"],
            }
            taken: dict[str, list[float]] = {name: [] for name in commands}
            for number in range(rounds + 2):
                for name, command in commands.items():
                    took = time_ms(command, environment)
                    if number >= 2:  # the first two fill the caches
                        taken[name].append(took)
        finally:
            daemon.terminate()
            daemon.wait(20)
    figures = {name: round(statistics.median(values), 1) for name, values in taken.items()}
    for name, values in taken.items():
        print(f"{name:<10} median {figures[name]:7.1f}   fastest {min(values):7.1f}")
    print(json.dumps({**figures, "ratio": round(figures["post_ms"] / figures["typer_ms"], 2)}))


if __name__ == "__main__":
    main()
