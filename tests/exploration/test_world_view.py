"""Pieces of the explorer's situation: ways along the floor, what is meant by a goal."""

from __future__ import annotations

import numpy as np

from memory_agent_ros.exploration.floor_graph import FloorGraph
from memory_agent_ros.exploration.goal_match import GoalMatch
from memory_agent_ros.exploration.raster import Raster


class Synonyms:
    """Sentence vectors in which a sofa is a couch."""

    dimension = 3

    def embed_texts(self, texts):
        table = {"couch": [1, 0, 0], "sofa": [0.9, np.sqrt(1 - 0.81), 0]}
        return np.array([table.get(t, [0, 0, 1]) for t in texts], np.float32)


def floor_with_wall() -> tuple[np.ndarray, Raster]:
    """4 x 4 m with a wall at x = 2 that leaves a gap of 0.4 m at the top."""
    raster = Raster(0.05, {"free": (np.uint8, 0)})
    raster.ensure(np.zeros(2), np.array([3.9, 3.9]))
    free = np.zeros(raster.shape, bool)
    rows, columns = raster.index(np.array([[0.0, 0.0], [4.0, 4.0]]))
    free[rows[0] : rows[1], columns[0] : columns[1]] = True
    wall = raster.index(np.array([[1.8, 0.0], [2.2, 3.6]]))
    free[wall[0][0] : wall[0][1], wall[1][0] : wall[1][1]] = False
    return free, raster


def test_ways_go_around_walls() -> None:
    graph = FloorGraph(*floor_with_wall())
    ways = graph.distances(np.array([[1.0, 1.0], [1.0, 3.8]]), np.array([[3.0, 1.0], [1.0, 1.0]]))
    around = 2 * np.hypot(0.9, 2.75)
    assert abs(ways[0, 0] - around) < 0.6
    assert ways[0, 1] < 0.25
    assert abs(ways[1, 1] - 2.8) < 0.25


def test_there_is_no_way_through_a_closed_wall() -> None:
    free, raster = floor_with_wall()
    gap = raster.index(np.array([[1.8, 0.0], [2.2, 4.0]]))
    free[gap[0][0] : gap[0][1], gap[1][0] : gap[1][1]] = False
    assert np.isinf(FloorGraph(free, raster).distances(np.array([[1.0, 1.0]]), np.array([[3.0, 1.0]]))).all()
    assert np.isinf(FloorGraph(np.zeros_like(free), raster).distances(np.zeros((2, 2)), np.zeros((1, 2)))).all()


def test_a_thing_on_no_floor_is_as_far_as_the_floor_beside_it_and_the_rest() -> None:
    free, raster = floor_with_wall()
    rows, columns = raster.index(np.array([[0.4, 0.4], [1.4, 1.4]]))
    free[rows[0] : rows[1], columns[0] : columns[1]] = False
    way = FloorGraph(free, raster).distances(np.array([[0.9, 3.0]]), np.array([[0.9, 0.9]]))[0, 0]
    assert 2.0 < way < 2.6


def test_an_exact_label_is_the_goal_and_nothing_else() -> None:
    match = GoalMatch(Synonyms())
    assert match.of("Mugs", ["mug", "cup", "sofa"]).tolist() == [1, 0, 0]
    assert match.of("", ["mug"]).tolist() == [0]
    assert GoalMatch(Synonyms(), names=("couch",)).of("couch", ["sofa"]).tolist() == [0], "couches have their own label"


def test_free_text_is_matched_by_words_and_by_meaning() -> None:
    match = GoalMatch(Synonyms())
    attribute = match.of("my red mug", ["mug", "cup"])
    assert attribute[0] >= 0.5 > attribute[1]
    meaning = match.of("couch", ["sofa", "mug"])
    assert meaning[0] >= 0.5 > meaning[1]
    assert GoalMatch().of("couch", ["sofa"]).tolist() == [0], "without an embedder only words count"
