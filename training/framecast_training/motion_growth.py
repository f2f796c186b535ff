"""A larger motion network that computes what a smaller one does, one level finer, to go on from."""

import torch

from .motion_network import Design, MotionNet


def counterpart(name: str, finer_by: int) -> str:
    """The name of a layer so many levels finer."""
    return name if name == "field" else f"{name[:-1]}{int(name[-1]) - finer_by}"


def places(inputs: dict[str, int], larger: dict[str, int]) -> list[int]:
    """Where each input channel of a layer is found in the larger layer."""
    starts, start = {}, 0
    for part, count in larger.items():
        starts[part] = start
        start += count
    return [starts[part] + channel for part, count in inputs.items() for channel in range(count)]


@torch.no_grad()
def grow(network: MotionNet, weights: dict[str, torch.Tensor], small: Design) -> None:
    """Give `network` the weights of a network of the design `small`.

    What is on level n there gets to the level that is as far from the finest one. Old channels see nothing of new ones at
    first, what new coarser levels hand on is zero, and a new last layer copies: the field is the small network's, of a picture that is seen larger.
    """
    finer_by, layers = small.finest - network.design.finest, network.design.layers()
    for number in range(small.coarsest - finer_by + 1, network.design.coarsest + 1):
        network.layers[f"finer{number}"].weight.zero_()
    for name, old in small.layers().items():
        new_name = counterpart(name, finer_by)
        layer, weight = network.layers[new_name], weights[f"layers.{name}.weight"]
        layer.weight[: old.outputs] = 0.0
        layer.weight[: old.outputs, places(old.inputs, layers[new_name].inputs)] = weight
        layer.bias[: old.outputs] = weights[f"layers.{name}.bias"]
    added = f"refine{network.design.finest}"
    if added in layers and not small.levels[small.finest].refine:
        channels = small.levels[small.finest].match
        layer = network.layers[added]
        layer.weight[:channels], layer.bias[:channels] = 0.0, 0.0
        layer.weight[range(channels), range(channels), 1, 1] = 1.0
    # The way to the other frame is corrected in source pixels, not in cells.
    for part in (network.layers["field"].weight, network.layers["field"].bias):
        part[2:4] *= network.design.shrink / small.shrink
