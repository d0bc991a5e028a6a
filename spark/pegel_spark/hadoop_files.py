"""Files of any file system that Spark writes to: a folder of this machine, or an object store."""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from pegel.errors import Unavailable
from pegel_spark.store_addresses import hadoop_address


class HadoopFiles:
    """What lies below one root. Paths are given and returned with it in front, as Spark takes them."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        """Find the file system of a root. Raises Unavailable where there is none for it, or it does not answer."""
        self._jvm: Any = spark.sparkContext._jvm  # noqa: SLF001  Python has no other way to Hadoop's files
        self._root = hadoop_address(root)
        configuration = spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001  likewise
        with _answering(self._root):
            self._files: Any = self._path(self._root).getFileSystem(configuration)

    def folders(self, folder: str) -> list[str]:
        """Return the folders in a folder, by name; none where there is no such folder."""
        with _answering(folder):
            path = self._path(folder)
            if not self._files.exists(path):
                return []
            return sorted(str(each.getPath()) for each in self._files.listStatus(path) if each.isDirectory())

    def files(self, folder: str) -> list[str]:
        """Return every file below a folder, by name; none where there is no such folder."""
        with _answering(folder):
            path = self._path(folder)
            if not self._files.exists(path):
                return []
            listed, found = self._files.listFiles(path, True), []
            while listed.hasNext():
                found.append(str(listed.next().getPath()))
        return sorted(found)

    def create_empty(self, file: str) -> None:
        """Write an empty file; what is read of it is all there or nothing."""
        with _answering(file):
            self._files.create(self._path(file), True).close()

    def delete(self, folder: str) -> None:
        """Delete a folder, or a file, with everything in it; nothing where there is none."""
        with _answering(folder):
            self._files.delete(self._path(folder), True)

    def _path(self, place: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(hadoop_address(place))


class _answering:  # noqa: N801  it reads as what it does
    """Tells an error of Hadoop's as ours."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise Unavailable for what the JVM raised."""
        if isinstance(error, Py4JJavaError):
            said = str(error.java_exception).partition("\n")[0][:300]
            raise Unavailable(f"{self._place}: expected a file system that answers; given: {said}") from error
