"""Archives: what is there, and how its voxels are read."""
