"""A training: it learns, it goes on as if never killed, and what it leaves is a model like any other."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.errors import ModelError, RecipeError, UsageError
from pipeline.learn import loop
from pipeline.learn.curve import drawn
from pipeline.learn.state import Point, State
from pipeline.learn.subjects import split, subjects
from pipeline.learn.train import STATE, digest, train
from pipeline.learn.validate import Live, dice
from pipeline.models import library, sliding, weights
from pipeline.models.descriptor import read
from pipeline.models.unet import UNet
from pipeline.recipe import Recipe
from pipeline.store import omezarr
from tests.learn.made import loaded


class Killed(Exception):
    pass


def run(recipe: Recipe, out: Path, to: Path, killed_after: int | None = None, processes: int = 1) -> Path:
    def advance(_point: Point | None, done: int) -> None:
        if done == killed_after:
            raise Killed

    torch.set_num_threads(1)
    return train(recipe, out, to, processes=processes, device="cpu", advance=advance)


def everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def undisturbed(balls: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(loaded(balls[1])[0], balls[0], tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("killed_after", [1, 2, 3, 5])
def test_killed_anywhere_it_ends_with_the_same_bits(balls, tmp_path, undisturbed, killed_after):
    recipe, _ = loaded(balls[1])
    with pytest.raises(Killed):
        run(recipe, balls[0], tmp_path, killed_after)
    assert not (tmp_path / "balls" / library.CARD).exists()
    assert everything(run(recipe, balls[0], tmp_path)) == everything(undisturbed)


def test_the_same_command_again_changes_nothing(balls, undisturbed):
    before = everything(undisturbed)
    run(loaded(balls[1])[0], balls[0], undisturbed.parent, killed_after=1)  # no step is left to be killed after
    assert everything(undisturbed) == before


def test_a_state_of_another_training_is_refused(balls, tmp_path, undisturbed):
    (tmp_path / "balls").mkdir()
    (tmp_path / "balls" / STATE).write_bytes((undisturbed / STATE).read_bytes())
    with pytest.raises(ModelError, match="another recipe"):
        run(loaded(balls[1], seed=1)[0], balls[0], tmp_path)
    for content in (b"", b"not tensors", (undisturbed / "weights.safetensors").read_bytes()):
        (tmp_path / "balls" / STATE).write_bytes(content)
        with pytest.raises(ModelError, match="no state"):
            run(loaded(balls[1])[0], balls[0], tmp_path)


def test_the_digest_names_whatever_decides_the_weights(balls):
    recipe, training = loaded(balls[1])
    found = subjects(balls[0], recipe)
    others = [
        digest(replace(training, settings=replace(training.settings, momentum=0.5)), found),
        digest(replace(training, model=replace(training.model, patch=(8, 8, 8))), found),
        digest(replace(training, draws=training.draws[:1]), found),
        digest(training, found[:1]),
        digest(training, [replace(found[0], sha256="other"), found[1]]),
    ]
    assert len({digest(training, found), *others}) == 6
    reworded = replace(training.model, name="bowls", licence="", limits="", summary="", training_data="")
    assert digest(replace(training, model=reworded), found) == digest(training, found)


def test_what_it_leaves_is_a_model(balls, undisturbed, monkeypatch):
    monkeypatch.setenv(library.VARIABLE, str(undisturbed.parent))
    model = library.find("balls")
    library.verify(model)
    network = weights.network(model)
    stored = load_file(undisturbed / "weights.safetensors")
    assert all(torch.equal(tensor, stored[name]) for name, tensor in network.state_dict().items())
    said = read((undisturbed / library.CARD).read_text(), "model.yaml").descriptor
    assert replace(said, weights=loaded(balls[1])[1].model.weights) == loaded(balls[1])[1].model
    card = (undisturbed / "README.md").read_text()
    assert all(
        word in card for word in ("right ball", "Synthetic.", "Balls only.", "2 volumes", "Nothing was measured")
    )
    ElementTree.fromstring((undisturbed / "curve.svg").read_text())


def test_it_learns_and_says_how_well_on_who_was_not_trained_on(balls, tmp_path):
    seed = next(seed for seed in range(99) if _parted(balls, seed))
    recipe, _ = loaded(balls[1], steps=120, every=40, seed=seed, validation=0.5, foreground=1.0, swap=())
    assert recipe.train is not None
    recipe = replace(recipe, train=replace(recipe.train, draws=()))
    folder = run(recipe, balls[0], tmp_path)
    state = State.read(folder / STATE, digest(recipe.train, subjects(balls[0], recipe)))
    assert state is not None
    assert [point.step for point in state.points] == [40, 80, 120]
    assert state.points[-1].loss < state.points[0].loss
    assert min(state.points[-1].dice.values()) > 0.6
    figures = read((folder / library.CARD).read_text(), "model.yaml").descriptor.figures
    assert figures[0].startswith(
        f"right ball: Dice {state.points[-1].dice['right ball']:.4f} after 120 steps, on 1 vol"
    )
    assert f"{state.points[-1].dice['left ball']:.4f}" in (folder / "README.md").read_text()


def _parted(balls: tuple[Path, Path], seed: int) -> bool:
    try:
        return bool(split(subjects(balls[0], loaded(balls[1])[0]), seed, 0.5)[1])
    except RecipeError:
        return False


def test_dice_is_that_of_the_voxels(balls, undisturbed):
    """Against its definition, of labels that the same windows give."""
    recipe, training = loaded(balls[1])
    found = subjects(balls[0], recipe)
    assert training.model.network is not None
    network = UNet(training.model.network)
    network.load_state_dict(load_file(undisturbed / "weights.safetensors"))
    network.eval()
    live = Live(network, torch.device("cpu"))
    both, either = np.zeros(3), np.zeros(3)
    for subject in found:
        image, labels = omezarr.read(subject.image), omezarr.read(subject.labels).array
        made = sliding.segment(training.model, live, image, image.grid, image.grid, 0.5).array
        for value in (1, 2):
            both[value] += ((made == value) & (labels == value)).sum()
            either[value] += (made == value).sum() + (labels == value).sum()
    measured = dice(network, training.model, found, torch.device("cpu"))
    assert measured == {"right ball": 2 * both[1] / either[1], "left ball": 2 * both[2] / either[2]}


def test_refuses(balls, tmp_path):
    recipe, _ = loaded(balls[1])
    with pytest.raises(UsageError, match="evenly"):
        run(recipe, balls[0], tmp_path, processes=3)
    with pytest.raises(RecipeError, match="train"):
        run(replace(recipe, train=None), balls[0], tmp_path)


def test_a_step_is_nesterovs_with_the_gradient_clipped(balls, tmp_path):
    """Sutskever et al. 2013 as torch writes it: v = m v + g; w -= rate (g + m v), g with the weight decay in it."""
    recipe, training = loaded(balls[1], steps=2, every=1, clip=0.5, weight_decay=0.01)
    states = []

    def work(steps: int) -> State:
        job = loop.Job(training, found, (), f"{steps}", tmp_path / f"{steps}")
        torch.set_num_threads(1)
        return loop.work(job, 0, lambda _point, done: states.append(done))

    found = tuple(subjects(balls[0], recipe))
    last = work(2)
    assert states == [1, 2]
    first_rate, second_rate = training.settings.rate(0), training.settings.rate(1)
    assert (first_rate, second_rate) == (0.05, pytest.approx(0.05 * 0.5**0.9))
    assert training.model.network is not None
    network = UNet(training.model.network, deep_supervision=True)
    network.initialise(torch.Generator().manual_seed(training.settings.seed))
    velocity = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    criterion = loop.Deep(loop._loss(training))
    for step, rate in enumerate((first_rate, second_rate)):
        image, labels = loop.Sampler(training, found).batch(step, range(2))
        network.zero_grad()
        criterion(network(torch.from_numpy(image)), torch.from_numpy(labels)).backward()
        norm = sum(float((p.grad.double() ** 2).sum()) for p in network.parameters() if p.grad is not None) ** 0.5
        assert norm > 0.5
        with torch.no_grad():
            for name, p in network.named_parameters():
                assert p.grad is not None
                g = p.grad * (0.5 / (norm + 1e-6)) + 0.01 * p
                velocity[name] = g if step == 0 else 0.9 * velocity[name] + g
                p -= rate * (g + 0.9 * velocity[name])
    for name, p in network.named_parameters():
        torch.testing.assert_close(last.weights[name], p.detach(), rtol=1e-4, atol=1e-6)


def test_the_curve_shows_every_point():
    points = [Point(10, 1.5), Point(20, 0.5, {"a & b": 0.25}), Point(30, -0.5, {"a & b": 1.0, "c": 0.0})]
    svg = ElementTree.fromstring(drawn(points))
    lines = [line.get("points", "").split() for line in svg.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [len(line) for line in lines] == [3, 2, 1]
    heights = [float(at.partition(",")[2]) for at in lines[0]]
    assert heights == sorted(heights)
    assert "Dice, a & b" in [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    ElementTree.fromstring(drawn([]))
    assert drawn(points) == drawn(points)
