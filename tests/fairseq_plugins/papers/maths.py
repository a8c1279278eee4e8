"""Functions of vectors, and the weights of a model by name."""

import numpy as np

Vector = np.ndarray
Matrix = np.ndarray


def sigmoid(x: Vector) -> Vector:
    return 1 / (1 + np.exp(-x))


def softmax(x: Vector) -> Vector:
    exp = np.exp(x - x.max())
    return exp / exp.sum()


def maxout(x: Vector) -> Vector:
    """t_k = max(x_{2k-1}, x_{2k}): Cho et al. (2014), A.2; Bahdanau et al. (2015), A.2.2."""
    return np.array([max(pair) for pair in zip(x[0::2], x[1::2], strict=True)])


def layer_norm(x: Vector, gain: Vector, bias: Vector, groups: int = 1) -> Vector:
    """Ba et al. (2016), eq. 4: over all of x, or over each of some equal groups of it."""
    parts = np.split(x, groups)
    normal = [(part - part.mean()) / np.sqrt(part.var() + 1e-5) for part in parts]
    return gain.reshape(-1) * np.concatenate(normal) + bias.reshape(-1)


def convolve(inputs: Matrix, kernel: np.ndarray, bias: Vector | None = None) -> Matrix:
    """y_j = b + sum_k K_k x_{j + k - width // 2}, with x = 0 outside; inputs (len, dim)."""
    width = kernel.shape[2]
    outputs = []
    for j in range(len(inputs)):
        total = np.zeros(len(kernel)) if bias is None else bias.copy()
        for k in range(width):
            at = j + k - width // 2
            if 0 <= at < len(inputs):
                total += kernel[:, :, k] @ inputs[at]
        outputs.append(total)
    return np.stack(outputs)


class Weights:
    """The weights of a model by their names."""

    def __init__(self, state_dict: dict) -> None:
        self.arrays = {name: tensor.numpy() for name, tensor in state_dict.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def get(self, name: str, otherwise: float) -> Vector | float:
        return self.arrays.get(name, otherwise)

    def linear(self, name: str, x: Vector) -> Vector:
        """W x + b, or W x where there is no b."""
        return self[f"{name}.weight"] @ x + self.get(f"{name}.bias", 0.0)

    def embed(self, side: str, symbol: int) -> Vector:
        """A word's embedding, looked up as in Vaswani et al. (2017), section 3.4."""
        vector = self[f"{side}.embed_tokens.weight"][symbol]
        return np.sqrt(len(vector)) * vector

    def logits(self, features: Vector) -> Vector:
        """The last matrix."""
        return self["decoder.output_proj.weight"] @ features
