"""Lays out the npm packages in DIST/npm: one for each platform, with its binary, and `otto-run`, which
depends on all of them optionally, so that npm installs the one that fits. No package has an install script.

Usage: packages.py DIST VERSION REPOSITORY
"""

import json
import pathlib
import shutil
import sys

PLATFORMS = {
    "x86_64-unknown-linux-musl": ("linux", "x64"),
    "aarch64-unknown-linux-musl": ("linux", "arm64"),
    "x86_64-apple-darwin": ("darwin", "x64"),
    "aarch64-apple-darwin": ("darwin", "arm64"),
}


def main(dist: pathlib.Path, version: str, repository: str) -> None:
    here = pathlib.Path(__file__).parent
    root = dist / "npm"
    shutil.rmtree(root, ignore_errors=True)
    common = {
        "version": version,
        "license": "MIT OR Apache-2.0",
        "repository": {"type": "git", "url": f"git+{repository}.git"},
    }

    def package(name: str, contents: dict[pathlib.Path, str], **fields: object) -> None:
        folder = root / name
        folder.mkdir(parents=True)
        for source, target in contents.items():
            shutil.copy2(source, folder / target)
        text = json.dumps({"name": name, **common, **fields}, indent=2)
        (folder / "package.json").write_text(text + "\n")

    for target, (system, cpu) in PLATFORMS.items():
        binary = dist / f"otto-{target}" / "otto"
        about = f"The binary of otto for {system} on {cpu}; install otto-run instead"
        package(
            f"otto-run-{system}-{cpu}",
            {binary: "otto"},
            description=about,
            os=[system],
            cpu=[cpu],
            files=["otto"],
        )
    package(
        "otto-run",
        {here / "otto.js": "otto.js", here.parent.parent / "README.md": "README.md"},
        description="A task runner in which tasks pass data",
        bin={"otto": "otto.js"},
        files=["otto.js"],
        engines={"node": ">=18"},
        optionalDependencies={f"otto-run-{system}-{cpu}": version for system, cpu in PLATFORMS.values()},
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3])
