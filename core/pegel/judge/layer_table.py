"""Every layer of tests, and its part of the false-alarm budget. A new layer is one file in `layers/` and one line here.

The parts of layers that do not run go to the one that has the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from pegel.judge.layer import Layer
from pegel.judge.layers.attributions import AttributionTests
from pegel.judge.layers.charts import Charts
from pegel.judge.layers.correlations import Correlations
from pegel.judge.layers.dependences import Dependences
from pegel.judge.layers.expectations import Expectations
from pegel.judge.layers.labelled_answers import LabelledAnswers
from pegel.judge.layers.odd_events import Events
from pegel.judge.layers.probing import Probing
from pegel.judge.layers.single_windows import SingleWindows
from pegel.judge.layers.unusual_combinations import UnusualCombinations


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A layer and its part of the budget, from 0 to 1; None for what the others leave, which one layer has.

    `out_of`: the name of the layer that has the part where this one does not run; empty: the one that has the rest.
    """

    layer: Layer
    share: float | None
    out_of: str = ""


Layers = tuple[LayerEntry, ...]
LAYERS: Layers = (
    LayerEntry(SingleWindows(), share=None),
    LayerEntry(Charts(), share=0.4),
    LayerEntry(Correlations(), share=0.05),
    LayerEntry(Dependences(), share=0.05),
    LayerEntry(AttributionTests(), share=0.1),
    LayerEntry(Events(), share=0.01),
    LayerEntry(Expectations(), share=0.05),
    LayerEntry(LabelledAnswers(), share=0.1, out_of=Charts.name),
    LayerEntry(Probing(), share=0.06),
    LayerEntry(UnusualCombinations(), share=0.04),
)
SEGMENT_LAYERS: Layers = (LayerEntry(SingleWindows(), share=None),)
"""What segments are judged by: single fields alone, which have all of a segment's part of the budget.

Charts follow the whole: of each segment they would be as many again. Small changes of a segment that last are found
where many windows are judged as one. Pairs and expectations are of all rows; events have no segment.
"""
