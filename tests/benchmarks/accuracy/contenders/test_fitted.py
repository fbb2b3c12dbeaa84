import pytest
from benchmarks.accuracy.contenders.fitted import fitted


@pytest.mark.parametrize(
    ("left", "epoch", "steps", "wanted"),
    [
        (300, 40, 25, (7, 25)),  # 7 x 40 = 280, an eighth would end at 320
        (280, 40, 25, (7, 25)),
        (40, 40, 25, (1, 25)),
        (39, 40, 25, (1, 24)),  # 25 x 39 / 40 = 24.4 steps
        (0.5, 40, 25, (1, 1)),
        (-10, 40, 25, (1, 1)),  # the measurement alone took longer
    ],
)
def test_as_many_epochs_as_fit_and_fewer_steps_only_where_not_even_one_fits(left, epoch, steps, wanted):
    assert fitted(left, epoch, steps) == wanted
