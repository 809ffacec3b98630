"""Run as a child: fetch one file from the hub. Arguments: repository, file, revision, folder.

Prints `total BYTES`, `sha256 HEX` where the hub says it, and `file PATH` at the end.
"""

from __future__ import annotations

import re
import sys


def main(repository: str, file: str, revision: str, folder: str) -> None:
    """Fetch into `folder`."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    known = get_hf_file_metadata(hf_hub_url(repository, file, revision=revision))
    print(f"total {known.size or 0}", flush=True)
    if re.fullmatch(r"[0-9a-f]{64}", known.etag or ""):  # large files are kept under their SHA-256
        print(f"sha256 {known.etag}", flush=True)
    path = hf_hub_download(repository, file, revision=known.commit_hash or revision, local_dir=folder)
    print(f"file {path}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
