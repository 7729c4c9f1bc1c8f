"""SE(3), pinhole projection, boxes and voxels. numpy and scipy only."""
