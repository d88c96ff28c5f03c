#!/usr/bin/env python3
"""Prints the licences of every crate that is linked into the released programs, with their texts.

The list follows from Cargo.lock alone: crates that are used on one of the released systems, without
those that only build or test. It fails if a crate's package brings no text of its licence and is not
under one whose text this project has itself.

  usage: licences.py > THIRD-PARTY-LICENSES.txt
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# One for each system: the instruction set changes nothing about what is linked in.
TARGETS = ["x86_64-unknown-linux-musl", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"]
TEXT = re.compile(r"^(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
LINE = "=" * 80


def cargo(*args):
    """Returns what a command of cargo's prints."""
    command = ["cargo", *args, "--locked", "--manifest-path", ROOT / "Cargo.toml"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


def linked():
    """Returns the packages that are linked in, by name and version. Macros run while building."""
    names = set()
    for target in TARGETS:
        tree = cargo("tree", "--edges=normal,no-proc-macro", "--prefix=none", "--target", target)
        names.update(" ".join(line.split()[:2]) for line in tree.splitlines())
    packages = json.loads(cargo("metadata", "--format-version=1"))["packages"]
    found = {f"{package['name']} v{package['version']}": package for package in packages}
    return [found[name] for name in sorted(names) if found[name]["source"]]


def texts(package):
    """Returns the texts of a package's licences and notices, in the order of their names."""
    folder = pathlib.Path(package["manifest_path"]).parent
    names = {path for path in folder.iterdir() if path.is_file() and TEXT.match(path.name)}
    if package.get("license_file"):
        names.add(folder / package["license_file"])
    if not names and "Apache-2.0" in (package["license"] or ""):
        names = {ROOT / "LICENSE-APACHE"}
    if not names:
        sys.exit(f"{package['name']} brings no text of its licence")
    read = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(names)]
    return [text.replace("\r\n", "\n").strip("\n") for text in read]


out = ["bitrise-dx holds the following work of others.", ""]
mit = (ROOT / "LICENSE-MIT").read_text(encoding="utf-8").strip("\n")
mit = mit[mit.index("Permission is") :]
# The texts, each with those that are under it.
users = {
    f"Copyright (c) The Rust Project Contributors\n\n{mit}": ["Rust's standard library"],
    f"Copyright (c) 2005-2020 Rich Felker, et al.\n\n{mit}": ["musl"],
}
for package in linked():
    name = f"{package['name']} {package['version']}"
    where = f" <{package['repository']}>" if package["repository"] else ""
    out.append(f"{name}: {package['license']}{where}")
    for text in texts(package):
        users.setdefault(text, []).append(name)
out += [
    "",
    "Rust's standard library: MIT OR Apache-2.0 <https://github.com/rust-lang/rust>",
    "musl, in the programs for Linux: MIT <https://musl.libc.org>",
    "Mozilla's root certificates, in the container image: MPL-2.0 <https://mozilla.org/MPL/2.0>",
]
for text, names in users.items():
    out += ["", LINE, ", ".join(names), LINE, "", text]
sys.stdout.reconfigure(encoding="utf-8", newline="\n")
print("\n".join(out))
