"""Geometry that hangs on keyframes and moves with the map."""
