"""Every name that these tests take from within the packages, and not from `import snn2hw as sw`: the one place to mend.

What moves in the packages is given its new address here; nothing else in this folder changes.
"""

from exporters.program_file import read_program_file
from snn2hw.audio.front import FrontEnd, to_json
from snn2hw.audio.logmel import LogMel, Normaliser
from snn2hw.commands import main
from snn2hw.commands.model_argument import load_source
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.options import Options
from snn2hw.files.rasters import write_raster
from snn2hw.models.layout import Layout, Stage
from snn2hw.problems import ProblemsError
from snn2hw.sources.semantics import NORSE, Semantics
from snn2hw.sources.source import Source
from snn2hw.train.checkpoint import build, write_checkpoint
from snn2hw.train.feed import encoder_of
from snn2hw.train.recipe import Recipe, recipe_to
from snn2hw.train.tuning.recipe import Recipe as TuningRecipe

__all__ = [
    "NORSE",
    "FrontEnd",
    "Layout",
    "LogMel",
    "Normaliser",
    "Options",
    "ProblemsError",
    "Recipe",
    "Semantics",
    "Source",
    "Stage",
    "TuningRecipe",
    "build",
    "compile_source",
    "encoder_of",
    "load_source",
    "main",
    "read_program_file",
    "recipe_to",
    "to_json",
    "write_checkpoint",
    "write_raster",
]
