"""Statistics that add up: one tally a block, ``+`` over the blocks, one final formula.

All that is summed is a whole number, so the sum is the same whatever the blocks were and in whatever
order they came (L11).  Where there is nothing to speak of a formula gives None.
"""

from pipeline.tally.cells import Cells as Cells
from pipeline.tally.cells import CellSums as CellSums
from pipeline.tally.extent import Extent as Extent
from pipeline.tally.extent import Extents as Extents
from pipeline.tally.fidelity import Fidelity as Fidelity
from pipeline.tally.histogram import PERCENTILES as PERCENTILES
from pipeline.tally.histogram import Histogram as Histogram
from pipeline.tally.moments import Moments as Moments
from pipeline.tally.survey import Survey as Survey
