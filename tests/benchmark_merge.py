"""How fast two checkpoints of a billion bfloat16 numbers are merged and in how much memory, beside a plain copy.

    python tests/benchmark_merge.py --folder SCRATCH
    python tests/benchmark_merge.py --folder SCRATCH --mergekit-python PEERS/bin/python --methods linear,slerp,ties

The checkpoints are random, in the shape of Llama 3.2 1B, made in ``--folder`` (10 GB, removed at the end). A merge is a
whole process: start-up, reading, hashing, writing and syncing count. Before each merge one checkpoint is copied and
synced, so that what else the machine does weighs on both. ``cores s`` are the seconds of all cores, which other work
changes less; ``of copy`` is bytes of the result a second over bytes copied a second; ``memory`` is the most that was
resident, mapped files included, ``over tensors`` that without the largest tensor of each model and of the result. The
first run after an installation compiles kernels, some seconds more. mergekit does not sync
what it writes. It needs an environment of its own:

    python -m venv PEERS
    PEERS/bin/pip install mergekit

Not collected by pytest.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from merge_models import BILLION

ROOT = Path(__file__).parent.parent


def configuration(method, first, second):
    """Return the YAML of a merge of two checkpoints; the first is the base where a method has one."""
    text = [f"merge_method: {method}", "dtype: bfloat16", "models:"]
    if method == "linear":
        text += [f"- {{model: {model}, parameters: {{weight: 0.5}}}}" for model in (first, second)]
    elif method == "slerp":
        text += [f"- {{model: {model}}}" for model in (first, second)]
        text += [f"base_model: {first}", "parameters: {t: [0.3, 0.5, 0.7]}"]
    else:
        density = "" if method == "task_arithmetic" else ", density: 0.5"
        text += [f"- {{model: {second}, parameters: {{weight: 0.5{density}}}}}", f"base_model: {first}"]
    return "\n".join(text) + "\n"


def measured(command, **more):
    """Return seconds, seconds of all cores, and the most resident bytes of a process."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} failed: {errors.decode()[-2000:]}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def copied(source, target):
    """Return the seconds that a copy of a folder takes, synced."""
    os.sync()
    began = time.monotonic()
    shutil.copytree(source, target)
    for path in target.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    seconds = time.monotonic() - began
    shutil.rmtree(target)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="scratch folder, made and removed")
    parser.add_argument("--methods", default="linear,slerp,task_arithmetic,ties,dare_ties,della")
    parser.add_argument("--mergekit-python", help="interpreter with mergekit")
    parser.add_argument("--mergekit-methods", default="linear,slerp,ties,dare_ties")
    parser.add_argument("--times", type=int, default=1, help="measurements of each method of our own")
    parser.add_argument("--layers", type=int, default=BILLION["layers"])
    options = parser.parse_args()
    options.folder.mkdir()
    try:
        report(options)
    finally:
        shutil.rmtree(options.folder)


def made(folder, layers):
    """Make both checkpoints, in a process of its own: a child's most resident bytes begin with its parent's."""
    code = "import sys; from pathlib import Path; from merge_models import *; "
    code += "make(Path(sys.argv[1]), seed=int(sys.argv[2]), **{**BILLION, 'layers': int(sys.argv[3])})"
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    for seed, name in enumerate(("first", "second")):
        command = [sys.executable, "-c", code, str(folder / name), str(seed), str(layers)]
        subprocess.run(command, env={**os.environ, **paths}, check=True)
        yield folder / name


def report(options):
    first, second = made(options.folder, options.layers)
    size = sum(path.stat().st_size for path in first.glob("*.safetensors"))
    largest = 2 * BILLION["rows"] * BILLION["width"]
    print(f"{size:,} bytes a checkpoint, {size / 2e9:.2f} billion numbers; {os.cpu_count()} cores")
    titles = {"": 26, "copy s": 8, "merge s": 9, "cores s": 9, "GB/s out": 10, "of copy": 9, "memory GB": 11}
    print("".join(f"{title:>{width}}" for title, width in {**titles, "over tensors": 14}.items()))
    for name, method, command in runs(options, first, second):
        copy = copied(first, options.folder / "copy")
        out = options.folder / "out"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
        seconds, cores, memory = measured([*command, str(out)], env=environment, cwd=options.folder)
        shutil.rmtree(out)
        over = (memory - 3 * largest) / 1e9
        print(
            f"{name + ' ' + method:26}{copy:8.1f}{seconds:9.1f}{cores:9.1f}"
            f"{size / seconds / 1e9:10.2f}{copy / seconds:9.2f}"
            f"{memory / 1e9:11.2f}{over:14.2f}",
            flush=True,
        )


def runs(options, first, second):
    """Yield name, method and command of every measurement; the folder of the result is to be added to the command."""
    for method in options.methods.split(",") * options.times:
        file = options.folder / f"{method}.yaml"
        file.write_text(configuration(method, first, second))
        code = "from pipelines.cli.commands import main; main()"
        yield "sabila", method, [sys.executable, "-c", code, "merge", str(file), "--out"]
    for method in options.mergekit_methods.split(",") if options.mergekit_python else ():
        file = options.folder / f"{method}.yaml"
        file.write_text(configuration(method, first, second))
        program = Path(options.mergekit_python).with_name("mergekit-yaml")
        yield "mergekit", method, [str(program), "--no-copy-tokenizer", "--lazy-unpickle", str(file)]


if __name__ == "__main__":
    main()
