#!/usr/bin/env python3
"""Prints the licences of every crate that is linked into the released programs, with their texts.

The list follows from Cargo.lock alone: crates that are used on one of the released targets, without
those that only build or test. It fails where a crate's package brings no text of its licence and is
not under one whose text this project has itself.

  usage: licences.py > THIRD-PARTY-LICENSES.txt
"""

import hashlib
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


def linked(target):
    """Returns the packages that are linked in on a target, by their ids."""
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
            + ["--manifest-path", ROOT / "Cargo.toml"],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    )
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, waiting = {}, [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            package = packages[dependency["pkg"]]
            # A macro runs while building, and is not in the program.
            is_macro = any("proc-macro" in built["kind"] for built in package["targets"])
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_linked and not is_macro and package["id"] not in found:
                found[package["id"]] = package
                waiting.append(package["id"])
    return found


def texts(package):
    """Returns the texts of a package's licences and notices, in the order of their names."""
    folder = pathlib.Path(package["manifest_path"]).parent
    names = {path for path in folder.iterdir() if path.is_file() and TEXT.match(path.name)}
    if package.get("license_file"):
        names.add(folder / package["license_file"])
    read = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(names)]
    return [text.replace("\r\n", "\n").strip("\n") for text in read]


def main():
    packages = {}
    for target in TARGETS:
        packages.update(linked(target))
    ordered = sorted(packages.values(), key=lambda package: (package["name"], package["version"]))
    apache = (ROOT / "LICENSE-APACHE").read_text(encoding="utf-8").strip("\n")
    used, missing = {}, []
    for package in ordered:
        found = texts(package)
        if not found and "Apache-2.0" in (package["license"] or ""):
            found = [apache]
        if not found:
            missing.append(package["name"])
        for text in found:
            key = hashlib.sha256(" ".join(text.split()).encode()).digest()
            used.setdefault(key, (text, []))[1].append(package)
    if missing:
        sys.exit(f"these crates bring no text of their licence: {', '.join(missing)}")

    out = ["bitrise-dx holds the following work of others.", ""]
    for package in ordered:
        where = f" <{package['repository']}>" if package["repository"] else ""
        out.append(f"{package['name']} {package['version']}: {package['license']}{where}")
    out.append("")
    out.append("Rust's standard library: MIT OR Apache-2.0 <https://github.com/rust-lang/rust>")
    out.append("musl, in the programs for Linux that need no C library: MIT <https://musl.libc.org>")
    out.append("Mozilla's root certificates, in the container image: MPL-2.0 <https://mozilla.org/MPL/2.0>")
    mit = (ROOT / "LICENSE-MIT").read_text(encoding="utf-8").strip("\n")
    mit = mit[mit.index("Permission is") :]
    for user, holder in [
        ("Rust's standard library", "Copyright (c) The Rust Project Contributors"),
        ("musl", "Copyright (c) 2005-2020 Rich Felker, et al."),
    ]:
        out += ["", LINE, user, LINE, "", holder, "", mit]
    for text, users in used.values():
        names = ", ".join(f"{package['name']} {package['version']}" for package in users)
        out += ["", LINE, names, LINE, "", text]
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    print("\n".join(out))


if __name__ == "__main__":
    main()
