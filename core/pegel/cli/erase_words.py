"""What `pegel erase` says of names that nobody knows, and of where it did not look or cannot erase."""

from __future__ import annotations

from pegel.archive.subject import SHORTEST_TEXT, Subject
from pegel.judge.recent_crowds import WINDOWS
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import dead_letters_topic, inference_topic, labels_topic, outliers_topic
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted
from pegel.store.archive_store import ArchiveStore
from pegel.store.baseline_store import BaselineStore


def waiting(archive: ArchiveStore, subject: Subject, *, erased: bool) -> list[str]:
    """Return in words of which models rows are counted and not archived yet, and what becomes of the subject's."""
    keys = sorted({one.spec.key for one in archive.unarchived()})
    if not keys:
        return []
    where = f"not looked at: rows of {', '.join(keys)} that are counted and not archived yet"
    if not subject.event_id and not subject.hashes:
        why = "without PEGEL_ENTITY_SECRET nothing is kept by which it would leave out the subject"
        return [f"{where}; the next run of `batch_monitor` archives them, and {why}: erase once more after it"]
    whose = "the subject's are left out" if erased else "once the subject is erased, its own are left out"
    return [f"{where}; the next run of `batch_monitor` archives them: {whose}"]


def unknown_names(subject: Subject, specs: list[MonitorSpec], baselines: BaselineStore) -> list[str]:
    """Return in words which names are no field and no key of any watched model, each with the nearest one."""
    known = {key for spec in specs for key in (*spec.entity_keys, *spec.label_keys)}
    for spec in specs:
        current = baselines.current(spec.model.name, spec.model.version)
        if current is not None:
            known |= {field.name for field in baselines.get(current).layout.schema.fields}
    strange = [name for name, _ in subject.values if known and name not in known]
    return [
        f"no watched model has a field or a key {quoted(name)}.{did_you_mean(name, sorted(known), lead=' ')}"
        for name in strange
    ]


def too_short(subject: Subject) -> list[str]:
    """Return which values are looked for as those of fields and keys alone, in words."""
    short = [name for name, value in subject.values if len(value) < SHORTEST_TEXT]
    where = "not looked for in texts (unreadable bodies, samples, reasons)"
    return [f"{where}: {', '.join(short)}, whose value has fewer than {SHORTEST_TEXT} letters"] if short else []


def beyond(specs: list[MonitorSpec]) -> list[str]:
    """Return what cannot be erased from here, in words."""
    spaces = sorted({spec.namespace for spec in specs})
    makers = (inference_topic, labels_topic, outliers_topic, dead_letters_topic)
    ours = {topic(space) for space in spaces for topic in makers}
    topics = sorted(ours | {spec.inference_topic for spec in specs})
    written = {str(spec.model.table) for spec in specs if spec.model.is_table}
    labelled = {str(spec.labels.source) for spec in specs if spec.labels.is_used and not spec.labels.by_topic}
    tables = ", ".join(sorted(written | labelled))
    elsewhere = [f"not erased: rows of {tables}, from where they would be read again"] if tables else []
    held = f"not erased: what the broker still holds of {', '.join(topics) or 'its topics'}, until its retention ends"
    crowds = (
        "not erased: ids of events in windows that are open, and in what a running driver remembers of crowds; they go "
        f"with the next {WINDOWS} windows"
    )
    return [
        held,
        *elsewhere,
        "not erased: training data, baselines, and mails that were sent; windows count rows and tell of none",
        crowds,
    ]
