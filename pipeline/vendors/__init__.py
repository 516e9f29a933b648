"""Vendor profiles: what differs from maker to maker, in one YAML file each.

A profile adds no stage.  It ``match``es facts of a volume; its ``ingest`` facts complete what a header leaves out; its
``defaults`` are parameters of stages, and hold only where a recipe is silent (docs/vendors.md).
"""

from __future__ import annotations

from pipeline.vendors.library import available, packaged
from pipeline.vendors.match import applicable
from pipeline.vendors.profile import Profile, json_schema

__all__ = ["Profile", "applicable", "available", "json_schema", "packaged"]
