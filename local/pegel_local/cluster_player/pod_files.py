"""What a pod's containers find: variables from ConfigMaps and Secrets, and files where they are mounted."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pegel_local.cluster_player.cluster_objects import ClusterObjects, Object, namespace_of
from pegel_local.processes.private_files import private_folder


class CannotStart(Exception):
    """A container's configuration names what is not there. A kubelet tries again and again, and so does the player."""


@dataclass(frozen=True, slots=True)
class PodFiles:
    """The files and variables of one pod, below a folder of its own."""

    cluster: ClusterObjects
    pod: Object
    folder: Path
    claims: Mapping[str, Path]
    """Folders that persistent volume claims stand for, by the claim's name."""

    def variables(self, container: Object) -> dict[str, str]:
        """Return a container's variables. Raises CannotStart, and ApiException for an object that is not there."""
        given: dict[str, str] = {}
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                given |= self._config_map(source["configMapRef"]["name"])
            if "secretRef" in source:
                given |= {key: raw.decode() for key, raw in self._secret(source["secretRef"]["name"]).items()}
        for each in container.get("env", []):
            given[each["name"]] = self._value(each)
        places = self.mounted(container)
        return {name: self.inside(value, places) for name, value in given.items()}

    def command(self, container: Object) -> list[str]:
        """Return a container's command and arguments; what lies below a mounted path is where that is on this machine.

        A process has the paths of its machine, a container its own: that is the one difference a program could see.
        """
        places = self.mounted(container)
        words = [*container.get("command", []), *container.get("args", [])]
        return [self.inside(word, places) for word in words]

    def mounted(self, container: Object) -> dict[str, Path]:
        """Return where on this machine what a container mounts is, by the path it is mounted at."""
        volumes = {volume["name"]: volume for volume in self.pod["spec"].get("volumes", [])}
        places = {}
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                raise CannotStart(f"volume {mount['name']} is mounted and not declared")
            place = self._place(volumes[mount["name"]])
            places[mount["mountPath"].rstrip("/")] = place / mount.get("subPath", "")
        return places

    def inside(self, word: str, places: Mapping[str, Path]) -> str:
        """Return a word with a path below one of `places` as the path on this machine.

        What names a folder of a claim as this machine does stays as it is.
        """
        if any(f"{folder}/" in f"{word}/" for folder in self.claims.values()):
            return word
        for path in sorted(places, key=len, reverse=True):
            before, found, after = word.partition(path)
            starts = not before or before.endswith(("=", "://", ","))
            if found and starts and (not after or after.startswith(("/", ","))):
                return f"{before}{places[path]}{after}"
        return word

    def _place(self, volume: Object) -> Path:
        if claim := volume.get("persistentVolumeClaim"):
            name = claim["claimName"]
            if name not in self.claims:
                raise CannotStart(f"persistent volume claim {name} is not there")
            return self.claims[name]
        place = private_folder(self.folder / "volumes" / volume["name"])
        if source := volume.get("configMap"):
            self._write(place, source, {key: text.encode() for key, text in self._config_map(source["name"]).items()})
        elif source := volume.get("secret"):
            self._write(place, source, self._secret(source["secretName"]))
        elif "emptyDir" not in volume and "projected" not in volume:
            raise CannotStart(f"volume {volume['name']} is of a kind that the player does not know")
        return place

    def _write(self, place: Path, source: Object, content: Mapping[str, bytes]) -> None:
        items = source.get("items") or [{"key": key, "path": key} for key in content]
        for item in items:
            if item["key"] not in content:
                raise CannotStart(f"key {item['key']} is not in {source}")
            path = place / item["path"]
            private_folder(path.parent)
            path.write_bytes(content[item["key"]])
            path.chmod(0o600)

    def _value(self, each: Object) -> str:
        source = each.get("valueFrom")
        if source is None:
            return str(each.get("value", ""))
        content: dict[str, Any]
        if reference := source.get("secretKeyRef"):
            content = {key: raw.decode() for key, raw in self._secret(reference["name"]).items()}
        elif reference := source.get("configMapKeyRef"):
            content = self._config_map(reference["name"])
        elif reference := source.get("fieldRef"):
            return str(self._field(reference["fieldPath"]))
        else:
            raise CannotStart(f"variable {each['name']} is from {source}, which the player does not know")
        if reference["key"] not in content:
            raise CannotStart(f"variable {each['name']}: key {reference['key']} is not in {reference['name']}")
        return str(content[reference["key"]])

    def _field(self, path: str) -> str:
        value: Any = {**self.pod, "status": {"podIP": "127.0.0.1", **self.pod.get("status", {})}}
        for part in path.split("."):
            value = value[part]
        return str(value)

    def _config_map(self, name: str) -> dict[str, str]:
        data: dict[str, str] = self.cluster.config_map(namespace_of(self.pod), name).get("data") or {}
        return data

    def _secret(self, name: str) -> dict[str, bytes]:
        data = self.cluster.secret(namespace_of(self.pod), name).get("data") or {}
        return {key: base64.b64decode(value) for key, value in data.items()}
