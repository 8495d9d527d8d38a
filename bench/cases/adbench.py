"""ADBench's objectives, from their mathematics (Srajer, Kukelova, Fitzgibbon 2018), on random data of its sizes."""

from __future__ import annotations

import math

import numpy

from cases.case import Case


def mixture(lib, params, x, triangle):
    """The log-likelihood of a Gaussian mixture with a Wishart prior (gamma = 1, m = 0) on the precisions.

    The root of a precision is lower triangular: the logarithms of its diagonal, and the entries below, which
    `triangle` (d, d) numbers from 1; 0 stands for the zeros.
    """
    np = lib.numpy
    weights, means, logs, below = params
    n, d = x.shape
    k = len(weights)
    entries = np.concatenate((np.zeros((k, 1)), below), axis=1)
    roots = entries[:, triangle] + np.eye(d) * np.exp(logs)[:, None]
    scaled = np.einsum("kij,nkj->nki", roots, x[:, None] - means)
    inner = weights + np.sum(logs, axis=1) - 0.5 * np.sum(scaled**2, axis=2)
    likelihood = np.sum(lib.nn.logsumexp(inner, axis=1)) - n * lib.nn.logsumexp(weights, axis=0)
    prior = -0.5 * (np.sum(np.exp(2.0 * logs)) + np.sum(below**2))
    return likelihood + prior - 0.5 * n * d * math.log(2 * math.pi) - k * wishart_constant(d)


def wishart_constant(d):
    degrees = d + 1
    multigamma = 0.25 * d * (d - 1) * math.log(math.pi) + sum(math.lgamma(0.5 * (degrees - j)) for j in range(d))
    return -0.5 * degrees * d * math.log(2.0) - multigamma


def mixture_data(d, k, n=1000):
    def data(rng):
        triangle = numpy.zeros((d, d), int)
        triangle[numpy.tril_indices(d, -1)] = numpy.arange(1, d * (d - 1) // 2 + 1)
        below = 0.1 * rng.normal(size=(k, d * (d - 1) // 2))
        params = rng.normal(size=k), rng.normal(size=(k, d)), 0.1 * rng.normal(size=(k, d)), below
        return params, rng.normal(size=(n, d)), triangle

    return data


def rotate(np, rotation, v):
    """Rodrigues' formula: `v` (3, ...) about the axis `rotation` by an angle of its length."""
    angle = np.sqrt(np.sum(rotation**2))
    x, y, z = axis = rotation / angle
    cross = np.stack([y * v[2] - z * v[1], z * v[0] - x * v[2], x * v[1] - y * v[0]])
    along = x * v[0] + y * v[1] + z * v[2]
    turned = along * axis if v.ndim == 1 else along * axis[:, None]
    return np.cos(angle) * v + np.sin(angle) * cross + (1.0 - np.cos(angle)) * turned


def reprojection(lib, camera, point, weight, feature):
    """The weighted error (2,) of one observation by a camera: rotation, centre, focal length, principal point, two
    coefficients of radial distortion.
    """
    np = lib.numpy
    x = rotate(np, camera[:3], point - camera[3:6])
    flat = x[:2] / x[2]
    radius = np.sum(flat**2)
    distortion = 1.0 + camera[9] * radius + camera[10] * radius**2
    return weight * (camera[6] * distortion * flat + camera[7:9] - feature)


def jacobian_blocks(lib, f):
    """The blocks of each observation in its camera, point and weight."""
    return observed(lib, lib.jacrev(f, (0, 1, 2)))


def observed(lib, f):
    """A function of one observation, of all of them."""

    def of_all(cameras, points, weights, features, of_camera, of_point):
        return lib.vmap(f)(cameras[of_camera], points[of_point], weights, features)

    return of_all


def bundle(rng, cameras=49, points=7776, observations=31843):
    parts = (0.1 * rng.normal(size=(cameras, 3)), rng.normal(size=(cameras, 3)), rng.uniform(400, 600, (cameras, 1)))
    lens = (rng.normal(size=(cameras, 2)), 0.01 * rng.normal(size=(cameras, 2)))
    return (
        numpy.concatenate(parts + lens, axis=1),
        rng.normal(size=(points, 3)) + numpy.array([0.0, 0.0, 10.0]),
        rng.uniform(0.5, 1.0, observations),
        100 * rng.normal(size=(observations, 2)),
        rng.integers(0, cameras, observations),
        rng.integers(0, points, observations),
    )


def lstm(lib, params, state, sequence):
    """The log-likelihood of a sequence of characters under an LSTM whose gates see only their own channel."""
    np = lib.numpy
    layers, (scale_in, scale_out, bias_out) = params

    def step(state, at):
        now, after = at
        x = now * scale_in
        new = []
        for (weight, bias), (hidden, cell) in zip(layers, state, strict=True):
            forget = sigmoid(np, x * weight[0] + bias[0])
            enter = sigmoid(np, hidden * weight[1] + bias[1])
            leave = sigmoid(np, x * weight[2] + bias[2])
            cell = cell * forget + enter * np.tanh(hidden * weight[3] + bias[3])
            x = leave * np.tanh(cell)
            new.append((x, cell))
        y = x * scale_out + bias_out
        return new, np.sum(after * (y - np.log(np.sum(np.exp(y)) + 2.0)))

    _, likelihoods = lib.lax.scan(step, state, (sequence[:-1], sequence[1:]))
    return -np.sum(likelihoods) / sequence[1:].size


def sigmoid(np, x):
    return 1.0 / (1.0 + np.exp(-x))


def text(rng, layers=2, characters=1024, bits=14):
    weights = [(rng.normal(size=(4, bits)), rng.normal(size=(4, bits))) for _ in range(layers)]
    state = [(rng.normal(size=bits), rng.normal(size=bits)) for _ in range(layers)]
    codes = rng.integers(0, 2, (characters, bits)).astype(float)
    return (weights, tuple(rng.normal(size=(3, bits)))), state, codes


# A wrist, a palm, and five fingers of four bones; the last bone of a finger does not bend.
PARENTS = [-1, 0, *(parent for finger in range(5) for parent in (1, *range(2 + 4 * finger, 5 + 4 * finger)))]
FIXED = 26  # the number of the zero behind the parameters
BENDS = numpy.full((22, 3), FIXED)
for finger in range(5):
    bone, bend = 2 + 4 * finger, 6 + 4 * finger
    BENDS[bone, :2] = bend, bend + 1
    BENDS[bone + 1 : bone + 3, 0] = bend + 2, bend + 3


def hand(lib, params, bones, resting, vertices, skin, points, seen):
    """The distances (n, 3) of points to the vertices of a posed hand: six parameters place it, twenty bend it.

    `bones` (22, 4, 4) are placed relative to their parents, `resting` takes a vertex into a bone's frame, `skin`
    (22, vertices) says how much a vertex follows a bone.
    """
    np = lib.numpy
    angles = np.concatenate((params, np.zeros(1)))[BENDS]
    turned = np.concatenate((bones[:, :, :3] @ euler(np, angles), bones[:, :, 3:]), axis=2)
    frames = []
    for bone, parent in enumerate(PARENTS):
        frames.append(turned[bone] if parent < 0 else frames[parent] @ turned[bone])
    moved = (np.stack(frames) @ resting)[:, :3] @ vertices
    placed = rotate(np, params[:3], np.sum(moved * skin[:, None], axis=0)) + params[3:6, None]
    return points - placed[:, seen].T


def euler(np, angles):
    """Rotations (n, 3, 3) about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles).T, np.sin(angles).T
    rows = (
        (cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz),
        (cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz),
        (-sy, sx * cy, cx * cy),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def hand_data(rng, vertices=544, correspondences=100):
    bones = numpy.tile(numpy.eye(4), (22, 1, 1))
    bones[:, :3, 3] = rng.normal(size=(22, 3))
    frames = []
    for bone, parent in enumerate(PARENTS):
        frames.append(bones[bone] if parent < 0 else frames[parent] @ bones[bone])
    positions = numpy.concatenate((rng.normal(size=(3, vertices)), numpy.ones((1, vertices))))
    skin = rng.dirichlet(numpy.full(22, 0.1), vertices).T
    points = rng.normal(size=(correspondences, 3))
    seen = rng.integers(0, vertices, correspondences)
    return 0.3 * rng.normal(size=26), bones, numpy.linalg.inv(numpy.stack(frames)), positions, skin, points, seen


CASES = [
    *(
        Case(f"Gaussian mixture, n = 1000, d {d}, K {k}", target, mixture, mixture_data(d, k), torch=mixture)
        for d, k, target in ((2, 5, 4), (10, 25, 2), (32, 50, 2), (64, 50, 2))
    ),
    Case(
        "bundle adjustment, Jacobian blocks by vmap of jacrev",
        3,
        reprojection,
        bundle,
        jacobian_blocks,
        plain=observed,
        passes=2,
    ),
    Case("LSTM by scan, 1024 characters", 3, lstm, text),
    Case("hand tracking, jacfwd", 3, hand, hand_data, lambda lib, f: lib.jacfwd(f), passes=26),
]
