"""A small, strict reader of Mapbox Vector Tiles 2.1, written from the specification alone.

It shares no code with the encoder. Anything that the specification forbids, or
says SHOULD NOT be, raises AssertionError.
"""

from __future__ import annotations

import struct
from itertools import pairwise


def fields(data):
    """(number, wire type, value) of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            value, at = data[at : at + 8], at + 8
        elif wire == 5:
            value, at = data[at : at + 4], at + 4
        else:
            assert wire == 2, f"wire type {wire}"
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
            assert len(value) == size, "truncated"
        yield key >> 3, wire, value


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            assert shift == 0 or byte, "varint longer than needed"
            assert value < 1 << 64
            return value, at
        shift += 7


def packed(data):
    at, out = 0, []
    while at < len(data):
        value, at = varint(data, at)
        out.append(value)
    return out


def decode(data):
    """{layer name: {"extent", "features": [{"id", "type", "properties", "parts"}]}}."""
    layers = {}
    for number, wire, body in fields(data):
        assert (number, wire) == (3, 2)
        name, layer = read_layer(body)
        assert name not in layers
        layers[name] = layer
    return layers


def read_layer(body):
    found = {1: [], 2: [], 3: [], 4: [], 5: [], 15: []}
    for number, wire, value in fields(body):
        assert wire == (0 if number in (5, 15) else 2)
        found[number].append(value)
    assert found[15] == [2], "version"
    assert len(found[1]) == 1
    assert len(found[5]) <= 1
    assert found[2], "a layer should have a feature"
    keys = [key.decode() for key in found[3]]
    assert len(set(keys)) == len(keys), "keys repeat"
    assert len(set(found[4])) == len(found[4]), "values repeat"
    values = [read_value(value) for value in found[4]]
    features = [read_feature(feature, keys, values) for feature in found[2]]
    ids = [f["id"] for f in features if f["id"] is not None]
    assert len(set(ids)) == len(ids)
    used = {pair for f in features for pair in f["tags"]}
    assert {k for k, _ in used} == set(range(len(keys))), "a key that no feature uses"
    assert {v for _, v in used} == set(range(len(values))), "a value that no feature uses"
    return found[1][0].decode(), {"extent": (found[5] or [4096])[0], "features": features}


def read_value(body):
    ((number, wire, value),) = fields(body)
    assert wire == {1: 2, 2: 5, 3: 1, 4: 0, 5: 0, 6: 0, 7: 0}[number]
    if number == 1:
        return value.decode()
    if number == 2:
        return struct.unpack("<f", value)[0]
    if number == 3:
        return struct.unpack("<d", value)[0]
    if number == 4:
        return value - (1 << 64) if value >> 63 else value
    if number == 6:
        return unzigzag(value)
    return bool(value) if number == 7 else value


def unzigzag(value):
    return (value >> 1) ^ -(value & 1)


def read_feature(body, keys, values):
    found = {}
    for number, wire, value in fields(body):
        assert number in (1, 2, 3, 4)
        assert number not in found
        assert wire == (0 if number in (1, 3) else 2)
        found[number] = value
    tags = packed(found.get(2, b""))
    assert 2 not in found or tags, "empty tags"
    assert len(tags) % 2 == 0
    pairs = list(zip(tags[::2], tags[1::2], strict=True))
    assert len({k for k, _ in pairs}) == len(pairs), "a key twice in a feature"
    kind = found[3]
    parts = {1: read_points, 2: read_lines, 3: read_polygons}[kind](packed(found[4]))
    return {
        "id": found.get(1),
        "type": kind,
        "tags": pairs,
        "properties": {keys[k]: values[v] for k, v in pairs},
        "parts": parts,
    }


def commands(numbers):
    """(command, [points]) with absolute coordinates."""
    at, x, y = 0, 0, 0
    while at < len(numbers):
        command, count = numbers[at] & 7, numbers[at] >> 3
        at += 1
        assert command in (1, 2, 7)
        assert count > 0
        points = []
        if command == 7:
            assert count == 1
        else:
            for _ in range(count):
                x += unzigzag(numbers[at])
                y += unzigzag(numbers[at + 1])
                at += 2
                points.append((x, y))
        yield command, points


def read_points(numbers):
    ((command, points),) = commands(numbers)
    assert command == 1
    return points


def paths(numbers, closed):
    steps = list(commands(numbers))
    assert steps
    width = 3 if closed else 2
    assert len(steps) % width == 0
    for i in range(0, len(steps), width):
        (move, start), (line, rest) = steps[i : i + 2]
        assert (move, line) == (1, 2)
        assert len(start) == 1
        if closed:
            assert steps[i + 2] == (7, [])
        path = start + rest
        assert all(a != b for a, b in pairwise(path)), "a point twice in a row"
        yield path


def read_lines(numbers):
    return list(paths(numbers, closed=False))


def area(ring):
    """Surveyor's formula in the tile's axes (y down)."""
    return (
        sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True)) / 2
    )


def read_polygons(numbers):
    """[[exterior, hole, ...], ...]"""
    polygons = []
    for ring in paths(numbers, closed=True):
        assert len(ring) >= 3
        assert ring[0] != ring[-1], "ClosePath repeats the first point"
        size = area(ring)
        assert size != 0, "a ring without area"
        if size > 0:
            polygons.append([ring])
        else:
            assert polygons, "a hole comes first"
            polygons[-1].append(ring)
    for exterior, *holes in polygons:
        assert area(exterior) + sum(map(area, holes)) > 0
    return polygons
