"""The object-centric spatial memory; its public face is ``SpatialMemory`` in ``spatial_memory.py``."""
