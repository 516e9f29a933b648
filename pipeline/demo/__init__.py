"""A small archive to try the program on: real and generated images, and planted faults."""

from pipeline.demo.archive import write as write
from pipeline.demo.expected import Ending as Ending
from pipeline.demo.expected import Expected as Expected
