import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memory_agent_ros.geometry.voxels import voxel_keys, voxel_thin

CLOUD = st.integers(0, 60).flatmap(lambda n: arrays(np.float32, (n, 3), elements=st.floats(-3, 3, width=32)))
EDGE = st.sampled_from([0.02, 0.05, 0.5])


@given(CLOUD, EDGE)
def test_one_point_of_each_voxel_is_left(points, voxel_m):
    thinned = voxel_thin(points, voxel_m)
    kept = voxel_keys(thinned, voxel_m)
    assert len(np.unique(kept)) == len(thinned)
    assert set(kept) == set(voxel_keys(points, voxel_m))


@given(CLOUD, EDGE)
def test_thinning_again_changes_nothing(points, voxel_m):
    once = voxel_thin(points, voxel_m)
    np.testing.assert_array_equal(voxel_thin(once, voxel_m), once)


@given(arrays(np.int64, (2, 3), elements=st.integers(-1_000_000, 1_000_000)))
def test_keys_tell_voxels_apart(cells):
    keys = voxel_keys(cells + 0.5, 1.0)
    assert (keys[0] == keys[1]) == bool((cells[0] == cells[1]).all())


def test_the_first_point_stays_and_order_is_kept():
    points = np.array([[0.51, 0, 0], [0.01, 0, 0], [0.52, 0, 0], [0.02, 0, 0]], dtype=np.float32)
    np.testing.assert_array_equal(voxel_thin(points, 0.1), points[:2])
