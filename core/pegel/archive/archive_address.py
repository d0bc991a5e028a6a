"""The root of an archive as Arrow reads it: a folder of this machine, or an address of an object store."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyarrow import fs

from pegel.errors import SetupError

_SPOKEN = {"s3a://": "s3://", "s3n://": "s3://"}
"""What Hadoop calls stores by, and Arrow."""


@dataclass(frozen=True, slots=True)
class ArchiveAddress:
    """A file system and the root's path in it. Of an object store, keys and endpoint are the environment's."""

    files: fs.FileSystem
    root: str

    @classmethod
    def of(cls, root: str) -> ArchiveAddress:
        """Find the file system of an address. Raises SetupError where Arrow knows none."""
        if "://" not in root:
            return cls(fs.LocalFileSystem(), root.rstrip("/"))
        spoken = next((_SPOKEN[each] + root.removeprefix(each) for each in _SPOKEN if root.startswith(each)), root)
        try:
            files, path = fs.FileSystem.from_uri(spoken)
        except (pa.ArrowException, OSError) as error:
            raise SetupError(
                f"PEGEL_ARCHIVE: expected a folder or an address that Arrow reads (s3a://, gs://), given {root}"
                f": {error}. Nothing was read."
            ) from error
        return cls(files, path.rstrip("/"))

    def files_below(self, folder: str, *, recursive: bool = True) -> list[str]:
        """Return the paths of what lies below a folder; nothing where there is none.

        Not `recursive`: those of the folders in it alone.
        """
        chosen = fs.FileSelector(folder, allow_not_found=True, recursive=recursive)
        kind = fs.FileType.File if recursive else fs.FileType.Directory
        return [each.path for each in self.files.get_file_info(chosen) if each.type == kind]
