#!/usr/bin/env python3
"""Adds up what our own layers of the image weigh, compressed as a registry keeps them.

No Docker is needed: pip is asked for the very wheels that the image gets on each processor. An
image whose layers weigh more than the limit is an error (exit code 1).

    python packaging/image_size.py
"""

import argparse
import gzip
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_BYTES = 70_000_000
PROCESSORS = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = ("2_36", "2_34", "2_28", "2_17")  # oldest last: what Debian's image can use
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def python_version() -> str:
    """The Python of the image."""
    found = re.search(r"^FROM python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found, "the Dockerfile names no Python"
    return found[1]


def layers(wheel: Path, machine: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Each COPY of the last stage, as (where it goes, what goes there)."""
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    version = python_version()
    packages = environment / "lib" / f"python{version}" / "site-packages"
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in GLIBC]
    subprocess.run(
        [*PIP, "install", "--only-binary=:all:", *platforms, f"--platform=manylinux2014_{machine}",
         f"--python-version={version}", "--implementation=cp", f"--target={packages}", wheel],
        check=True,
    )  # fmt: skip
    yield "opt/torbox-bridge", environment
    yield "usr/local/bin/torbox-bridge", ROOT / "docker" / "entrypoint.sh"


def weight(place: str, source: Path) -> int:
    """The bytes of this layer as a .tar.gz."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        archive.add(source, arcname=place)
    return len(packed.getvalue())


def main() -> int:
    """Print a line for each layer and each processor; 1 if one is too heavy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most", type=int, default=MOST_BYTES, help="the limit, in bytes")
    most = parser.parse_args().most
    heaviest = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run([*PIP, "wheel", "--no-deps", f"--wheel-dir={folder}", ROOT], check=True)
        (wheel,) = folder.glob("*.whl")
        for processor, machine in PROCESSORS.items():
            total = 0
            for place, source in layers(wheel, machine, folder / processor):
                bytes_of_it = weight(place, source)
                total += bytes_of_it
                print(f"linux/{processor}  {bytes_of_it / 1e6:6.2f} MB  /{place}")
            print(f"linux/{processor}  {total / 1e6:6.2f} MB  in all, of {most / 1e6:g} MB")
            heaviest = max(heaviest, total)
    return int(heaviest > most)


if __name__ == "__main__":
    sys.exit(main())
