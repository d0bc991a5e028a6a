"""Broker, logger, Airflow and mail box are up; meanwhile the model is trained."""

from __future__ import annotations

from pegel_local.demo.stage import Demo, Started
from pegel_local.system.stack import Step


def train(demo: Demo) -> Started:
    """Begin to train the model on real flights, and to register its training data in the feature store."""
    home = demo.home
    folders = {
        "--data": demo.data,
        "--out": home / "model",
        "--features": home / "features",
        "--traffic": home / "traffic",
    }
    return demo.begin("training", "pegel_serving.train_delays", *(part for pair in folders.items() for part in pair))


def show(demo: Demo) -> str:
    """Start the system; each part counts from its first healthy answer."""
    took: dict[str, float] = {}
    demo.training = train(demo)

    def note(step: Step) -> None:
        took[step.name] = step.seconds

    demo.parts = demo.stack.up(note)
    demo.facts["start_s"] = took
    parts = demo.parts
    return (
        f"Kafka on :{parts.ports['kafka']} after {took['broker']:.0f} s · "
        f"Airflow on :{parts.ports['airflow']} after {took['Airflow']:.0f} s"
    )
