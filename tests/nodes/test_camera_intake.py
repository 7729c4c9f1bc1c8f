from __future__ import annotations

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

from memory_agent_ros.geometry.pinhole import project
from memory_agent_ros.nodes.camera_intake import CameraIntake, turn_camera, turn_image, turned_frame
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError

FRAME = "camera_optical"
K = np.array([[150.0, 0, 82.0], [0, 148.0, 57.0], [0, 0, 1]])


def info(width=160, height=120, d=(), model="plumb_bob", k=K, frame=FRAME):
    message = CameraInfo(width=width, height=height, distortion_model=model, d=[float(value) for value in d])
    message.header.frame_id = frame
    message.k = np.asarray(k).ravel()
    message.p = np.hstack([k, np.zeros((3, 1))]).ravel()
    return message


def intake(*infos, **options):
    made = CameraIntake(**options)
    for message in infos:
        made.set_color_info(message)
    return made


def images(width=160, height=120):
    return np.zeros((height, width, 3), np.uint8), np.ones((height, width), np.float32)


def refusal_of(call, *arguments):
    with pytest.raises(BadInputError) as refusal:
        call(*arguments)
    return refusal.value


def test_plain_camera_passes_through():
    rgb, depth = images()
    out = intake(info()).take(rgb, FRAME, depth, FRAME)
    assert out.rgb is rgb and out.depth_m is depth and out.depth_camera is None
    np.testing.assert_array_equal(out.T_frame_camera, np.eye(4))


def test_refusals_name_the_cause():
    rgb, depth = images()
    assert refusal_of(intake().take, rgb, FRAME, depth, FRAME).reason == "camera_info_missing"
    ready = intake(info())
    assert refusal_of(ready.take, rgb, "other", depth, "other").reason == "camera_info_frame"
    assert refusal_of(ready.take, rgb[::2], FRAME, depth, FRAME).reason == "camera_info_size"
    unaligned = refusal_of(ready.take, rgb, FRAME, depth, "depth_optical")
    assert unaligned.reason == "depth_not_aligned" and "depth_optical" in str(unaligned)
    assert refusal_of(ready.take, rgb, FRAME, depth[::2, ::2], FRAME).reason == "depth_size"
    assert refusal_of(ready.take, rgb, FRAME, depth, FRAME, np.zeros((2, 2), np.int32)).reason == "instances_size"
    assert refusal_of(ready.set_color_info, info(k=np.zeros((3, 3)))).reason == "camera_invalid"
    assert refusal_of(ready.set_color_info, info(d=[0.1], model="mirror ball")).reason == "distortion_model"
    assert ready.ready


def test_smaller_aligned_depth_needs_its_own_camera_info():
    rgb, depth = images()
    ready = intake(info())
    half = np.diag([0.5, 0.5, 1.0]) @ K
    ready.set_depth_info(info(80, 60, k=half))
    out = ready.take(rgb, FRAME, depth[::2, ::2], FRAME)
    assert out.depth_camera is not None and out.depth_camera.width == 80
    assert refusal_of(ready.take, rgb, FRAME, depth, FRAME).reason == "camera_info_size"


@pytest.mark.parametrize(
    ("model", "d"),
    [
        ("plumb_bob", [-0.3, 0.1, 0.001, -0.002, 0.0]),
        ("rational_polynomial", [0.2, -0.1, 0.0, 0.0, 0.01, 0.1, 0.0, 0.0]),
        ("equidistant", [0.05, -0.01, 0.0, 0.0]),
    ],
)
def test_distortion_is_undone(model, d):
    """A point seen through the lens lands, after rectification, where the plain pinhole sees it."""
    point = np.array([[0.25, -0.12, 1.0]])
    project_lens = cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints
    seen = project_lens(point[None], np.zeros(3), np.zeros(3), K, np.array(d))[0].reshape(2)
    rgb, depth = images()
    v, u = np.mgrid[0:120, 0:160]
    blob = np.exp(-((u - seen[0]) ** 2 + (v - seen[1]) ** 2) / 8.0)
    rgb[...] = (255 * blob).astype(np.uint8)[..., None]
    depth[blob > 0.5] = 2.0
    out = intake(info(d=d, model=model)).take(rgb, FRAME, depth, FRAME)
    weight = out.rgb[..., 0].astype(float)
    centre = [(weight * u).sum() / weight.sum(), (weight * v).sum() / weight.sum()]
    np.testing.assert_allclose(centre, project(K, point)[0][0], atol=0.4)
    assert set(np.unique(out.depth_m)) <= {0.0, 1.0, 2.0}


def test_rectified_images_use_p_and_ignore_d():
    message = info(d=[0.3, 0.1, 0, 0, 0])
    other = K.copy()
    other[0, 0] = 140.0
    message.p = np.hstack([other, np.zeros((3, 1))]).ravel()
    rgb, depth = images()
    out = intake(message, rectified=True).take(rgb, FRAME, depth, FRAME)
    assert out.rgb is rgb
    assert out.camera.K[0, 0] == 140.0


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_camera_sees_the_same_ray_in_the_turned_pixel(turns):
    camera = Camera(160, 120, K)
    picture = np.zeros((120, 160), np.uint8)
    picture[30, 100] = 255
    ray = np.array([(100 - K[0, 2]) / K[0, 0], (30 - K[1, 2]) / K[1, 1], 1.0])
    turned = turn_image(picture, turns)
    v, u = np.argwhere(turned == 255)[0]
    T_old_new = turned_frame(turns)
    pixels, _ = project(turn_camera(camera, turns).K, (T_old_new[:3, :3].T @ ray)[None])
    np.testing.assert_allclose(pixels[0], [u, v], atol=1e-9)
    assert np.linalg.det(T_old_new[:3, :3]) == pytest.approx(1.0)
    assert (turn_camera(camera, turns).height, turn_camera(camera, turns).width) == turned.shape


def test_clockwise_is_what_the_eye_calls_clockwise():
    picture = np.array([[1, 2], [3, 4]])
    np.testing.assert_array_equal(turn_image(picture, 1), [[3, 1], [4, 2]])
