"""Does it matter? By how much the model's output moved, through which features, in words.

The difference of the mean output is the sum of the differences of mean attributions, so it has parts that add up. Parts
are told without percentages: they may cancel. They say what the model used, not what caused the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pegel.data.attribution_event import Unit
from pegel.detect.attribution_change import CLEAR, AttributionChange
from pegel.judge.attribution.attribution_judgement import OUTPUT
from pegel.report.words import SIGMA
from pegel.spec.names import feature_of
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import plain

MOST_PARTS: Final = 3
"""Features that are named; the rest is told together."""
NOT_EXPLAINED: Final = "no predictions of this model are explained (`attribution` in its spec)"
NOT_YET: Final = "not known yet: the attribution worker asks the model"
_NO_ERRORS: Final[Mapping[str, float]] = MappingProxyType({})
NO_ROWS: Final = "no explained rows of these windows are known"


@dataclass(frozen=True, slots=True)
class PredictionMove:
    """How the model's mean output differs between a window and its baseline.

    `output`: in standard deviations of the output over the baseline's rows, as all else here. `parts`: of each feature,
    with its standard error, as `error` is that of the output. `sigma`: that standard deviation, in the unit of the
    output. `margin`: what is less is not noticeable. `probabilities`: the mean probability of the second of two classes
    before and now; None where the output has none.
    """

    output: float
    error: float
    parts: Mapping[str, tuple[float, float]]
    sigma: float
    margin: float
    unit: Unit = Unit.PREDICTION
    probabilities: tuple[float, float] | None = None

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any], margin: float) -> PredictionMove:
        """Read what an `AttributionJudgement` tells. Raises KeyError, TypeError or ValueError for anything else."""
        means = {name: (float(one["mean"]), float(one["mean_error"])) for name, one in facts["parts"].items()}
        # Before fields of attributions become features: one of these may be called as the output is.
        whole = means.pop(OUTPUT)
        told = {feature_of(name): mean for name, mean in means.items()}
        known = both(*facts["probabilities"])
        return cls(*whole, told, float(facts["sigma"]), margin, Unit(facts["unit"]), known)

    @classmethod
    def of_changes(
        cls, names: list[str], found: list[AttributionChange], sigma: float, margin: float, unit: Unit = Unit.PREDICTION
    ) -> PredictionMove:
        """Take the changes of the features, or fields of attributions, of these names, and last that of the output."""
        *own, output = found
        parts = {feature_of(name): (one.mean, one.mean_error) for name, one in zip(names, own, strict=True)}
        return cls(output.mean, output.mean_error, parts, sigma, margin, unit)

    @property
    def named(self) -> list[tuple[str, float, float]]:
        """Return the largest parts that are certain, at most three, the largest first."""
        clear = [(name, mean, error) for name, (mean, error) in self.parts.items() if abs(mean) >= CLEAR * error]
        return sorted((each for each in clear if each[1]), key=lambda each: (-abs(each[1]), each[0]))[:MOST_PARTS]

    @property
    def rest(self) -> float:
        """Return the parts of all other features together."""
        return self.output - sum(mean for _, mean, _ in self.named)

    @property
    def is_certain(self) -> bool:
        """Say whether the output moved, beyond chance: by 2.576 of its standard errors or more."""
        return abs(self.output) >= CLEAR * self.error and self.output != 0

    @property
    def is_noticeable(self) -> bool:
        """Say whether the output, or a part of it, is certain to have moved, and by the margin or more."""
        whole = self.is_certain and abs(self.output) >= self.margin
        return whole or any(abs(mean) >= self.margin for _, mean, _ in self.named)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, every number exact."""
        named = [{"feature": name, "part": mean, "error": error} for name, mean, error in self.named]
        whole = {"output": self.output, "error": self.error, "sigma": self.sigma, "unit": self.unit.value}
        said = {"margin": self.margin, "is_certain": self.is_certain, "is_noticeable": self.is_noticeable}
        before, now = self.probabilities or (None, None)
        mean = {"mean_probability_before": before, "mean_probability": now}
        return whole | said | mean | {"parts": named, "other_features": self.rest}


def both(before: float | None, now: float | None) -> tuple[float, float] | None:
    """Return two numbers, if both are known."""
    return None if before is None or now is None else (before, now)


def does_it_matter(move: PredictionMove | None, why: str = NOT_EXPLAINED, *, about: Sequence[str] = ()) -> str:
    """Return the paragraph. `why`: why nothing is known, where `move` is None; `about`: the features that it is about.

    Where the output moved and hardly by these, that is said first: it is what was asked.

    >>> parts = {"amount": (0.34, 0.02), "age": (-0.01, 0.01)}
    >>> does_it_matter(PredictionMove(0.33, 0.02, parts, 1.24, 0.05)).replace(SIGMA, "sd")
    'The prediction rose by 0.33 sd (+0.41): amount +0.34 ± 0.02; other features together -0.01.'
    >>> does_it_matter(PredictionMove(0.33, 0.02, parts, 1.24, 0.05), about=["age"]).replace(SIGMA, "sd")[:71]
    'Hardly by age itself (-0.01 ± 0.01 sd): below 0.05. The prediction rose'
    >>> does_it_matter(PredictionMove(0.01, 0.01, {"noise": (0.01, 0.001)}, 1.24, 0.05)).replace(SIGMA, "sd")
    "The model's output does not move noticeably by it (below 0.05 sd)."
    >>> does_it_matter(PredictionMove(0.08, 0.06, {"noise": (0.01, 0.001)}, 1.24, 0.05)).replace(SIGMA, "sd")
    'It is not certain that the prediction moved: +0.08 ± 0.06 sd lies within chance.'
    """
    if move is None:
        return f"Not known, because {shown(why, LONGEST_SENTENCE)}."
    if not move.is_noticeable and abs(move.output) < move.margin:
        return f"The model's output does not move noticeably by it (below {move.margin:g} {SIGMA})."
    if not move.is_noticeable:
        whole = f"{signed_part(move.output, move.error)} {SIGMA}"
        return f"It is not certain that the prediction moved: {whole} lies within chance."
    return f"{_hardly_by(move, about)}{_whole(move)}{_parts(move)}.{_chances(move)}"


def _hardly_by(move: PredictionMove, about: Sequence[str]) -> str:
    """Return that these features are not what moved the output; empty where one is, or its part is not known."""
    own = {name: move.parts[name] for name in about if name in move.parts}
    if not own or len(own) < len(about) or any(abs(mean) >= move.margin for mean, _ in own.values()):
        return ""
    if len(own) > MOST_PARTS:
        return f"Hardly by these {len(own)} features themselves (each below {move.margin:g} {SIGMA}). "
    told = "; ".join(f"{shown(name, NAME_LIMIT)} itself ({signed_part(*part)} {SIGMA})" for name, part in own.items())
    return f"Hardly by {told}: below {move.margin:g}. "


def _whole(move: PredictionMove) -> str:
    """Return how the output moved; where one of its parts did, it may have moved little, or not for certain."""
    if abs(move.output) < move.margin:
        return f"The prediction hardly moves as a whole ({_two(move.output)} {SIGMA}), because parts of it cancel"
    if not move.is_certain:
        whole = f"{signed_part(move.output, move.error)} {SIGMA}"
        return f"The prediction did not move for certain as a whole ({whole}), parts of it did"
    unit = "" if move.unit is Unit.PREDICTION else f"{move.unit.value} "
    raw = f"{unit}{_signed(move.output * move.sigma)}"
    return f"The prediction {'rose' if move.output > 0 else 'fell'} by {abs(move.output):.2f} {SIGMA} ({raw})"


def _parts(move: PredictionMove) -> str:
    if not move.named:
        return "; no feature's part of it is certain"
    parts = [f"{shown(name, NAME_LIMIT)} {signed_part(mean, error)}" for name, mean, error in move.named]
    rest = f"; other features together {_two(move.rest)}" if len(move.parts) > len(move.named) else ""
    return f": {', '.join(parts)}{rest}"


def _chances(move: PredictionMove) -> str:
    """Return the mean probability, which has no exact parts, as a sentence of its own; empty where there is none."""
    if move.probabilities is None:
        return ""
    before, now = (f"{one:.3f}" for one in move.probabilities)
    return f" The mean probability went from {before} to {now}."


def signed_part(value: float, error: float) -> str:
    """Return a part with its standard error.

    >>> signed_part(0.336, 0.0201), signed_part(-0.001, 0.0004)
    ('+0.34 ± 0.02', '0.00 ± <0.01')
    """
    return f"{_two(value)} ± {_error(error)}"


def matter_words(moved: PredictionMove | str, about: Sequence[str] = ()) -> str:
    """Return the paragraph of a move, or of why it is not known; `about`: the features that drift."""
    return does_it_matter(None, moved) if isinstance(moved, str) else does_it_matter(moved, about=about)


def matter_to_json(moved: PredictionMove | str, about: Sequence[str] = ()) -> dict[str, Any]:
    """Return the same for machines, in words and in numbers."""
    told = {"not_known_because": moved} if isinstance(moved, str) else moved.to_json()
    return {"words": matter_words(moved, about), **told}


def largest_parts(attributions: Mapping[str, float]) -> dict[str, float]:
    """Return the three features that moved a row's output most, the largest first; those that did nothing are none."""
    ordered = sorted(attributions.items(), key=lambda each: (-abs(each[1]), each[0]))[:MOST_PARTS]
    return {name: part for name, part in ordered if part}


def made_words(made: Mapping[str, Any]) -> str:
    """Return what is kept of what the model made of a row, in words; of what is damaged, that it cannot be read."""
    if "why" in made:
        return f"not known, because {shown(str(made['why']), LONGEST_SENTENCE)}"
    try:
        unit = Unit(made["unit"])
        told = "" if unit is Unit.PREDICTION else unit.value
        return made_of_it(dict(made["parts"]), float(made["raw"]), told, dict(made["errors"]))
    except (KeyError, TypeError, ValueError) as error:
        why = shown(str(error), LONGEST_SENTENCE // 2)
        return f"not known, because what is stored of it cannot be read: {why}"


def made_of_it(
    attributions: Mapping[str, float], raw: float, unit: str = "", errors: Mapping[str, float] = _NO_ERRORS
) -> str:
    """Return what the model made of one row: its output, and the three features that moved it most, with their signs.

    `errors`: the standard errors of parts that are estimated; of others nothing is told.

    Told beside why the row is unusual, never as one list with it: a value may be odd and mean nothing to the model.

    >>> made_of_it({"distance": 1.5, "airline": -0.25, "hour": 0.1, "gate": 0.01}, 5.0)
    'the model put out 5: distance +1.5, airline -0.25, hour +0.1'
    >>> made_of_it({"distance": 1.5}, 5.0, errors={"distance": 0.25})
    'the model put out 5: distance +1.5 ± 0.25'
    """
    largest = largest_parts(attributions).items()
    parts = ", ".join(
        f"{shown(name, NAME_LIMIT)} {_signed(part)}{f' ± {plain(errors[name])}' if errors.get(name) else ''}"
        for name, part in largest
    )
    put = f"the model put out {plain(raw, 4)}{f' ({unit})' if unit else ''}"
    return f"{put}: {parts}" if parts else f"{put}: no feature moved it"


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else '-'}{plain(abs(value))}"


def _two(value: float) -> str:
    """Return a number of two decimals with its sign; what rounds to nothing has none."""
    text = f"{value:+.2f}"
    return text if float(text) else "0.00"


def _error(value: float) -> str:
    """Return a standard error; one that is hardly anything is not told as none."""
    return f"{value:.2f}" if value >= 0.005 or not value else "<0.01"  # noqa: PLR2004  two decimals
