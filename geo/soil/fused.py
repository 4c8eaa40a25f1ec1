# ruff: noqa: PLR0912, PLR0915 - kernels: one flat loop over arrays is the point
"""Raw numbers of a block to class codes in one compiled loop, by the steps of `geo.soil.trace`.

The array code of indices and masks makes a dozen passes over memory; here a few hundred
pixels at a time stay in the cache from the raw numbers to the class. Operations and their
roundings are those of the array code in float32, so the classes are the same to the pixel.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo.soil.scene import CLASS_BANDS
from geo.soil.trace import (
    ADD,
    AND,
    CONST,
    DIV,
    EQ,
    FINITE,
    GE,
    GT,
    MUL,
    OR,
    SQRT,
    SUB,
    Tape,
    Traced,
    Untraced,
)

if TYPE_CHECKING:
    from geo.soil.classify import Classifier
    from geo.soil.raster import Reader

#: Pixels at a time: a score of registers of float32 fit the first cache.
CHUNK = 512
_NONE = -1
#: What a register holds at first.
RAW, REFLECTANCE, CLIPPED = range(3)
_KINDS = {"raw": RAW, "reflectance": REFLECTANCE, "clipped": CLIPPED}


@njit(cache=True, nogil=True, error_model="numpy")
def _classes(  # type: ignore[no-untyped-def]
    raw, sources, kinds, scale, offset, nodata_number,
    steps, constants, value, cuts, masks, looked, look, known, first, out,
):  # fmt: skip
    """Codes of pixels [n].

    raw: uint8 or uint16[bands, n]; register r begins with band sources[r], as kinds[r] says:
    reflectance is float32 of raw * scale + offset, NaN of nodata_number.
    steps: int32[k, 3] (`geo.soil.trace`). value: register that is graded by ``cuts``
    (float32). masks: registers of the rules, -1 where ``look[m]`` says by raw number of band
    ``looked[m]``. known: registers whose NaN means no data. first: code of the first rule;
    then come the other rules, undefined, no data. out: uint8[n].
    """
    loads = len(sources)
    registers = np.empty((loads + len(steps), CHUNK), dtype=np.float32)
    grade = np.empty(CHUNK, dtype=np.uint8)
    one, zero = np.float32(1.0), np.float32(0.0)
    undefined = np.uint8(first + len(masks))
    nodata = np.uint8(first + len(masks) + 1)
    for start in range(0, raw.shape[1], CHUNK):
        size = min(CHUNK, raw.shape[1] - start)
        for r in range(loads):
            numbers = raw[sources[r], start : start + size]
            register = registers[r]
            if kinds[r] == RAW:
                for p in range(size):
                    register[p] = np.float32(numbers[p])
                continue
            least = zero if kinds[r] == CLIPPED else np.float32(-np.inf)
            for p in range(size):
                found = np.float32(np.float64(numbers[p]) * scale + offset)
                found = least if found < least else found
                register[p] = np.float32(np.nan) if numbers[p] == nodata_number else found
        for s in range(len(steps)):
            operation = steps[s, 0]
            result = registers[loads + s]
            if operation == CONST:
                result[:] = constants[steps[s, 1]]
                continue
            a, b = registers[steps[s, 1]], registers[steps[s, 2]]
            if operation == ADD:
                for p in range(CHUNK):
                    result[p] = a[p] + b[p]
            elif operation == SUB:
                for p in range(CHUNK):
                    result[p] = a[p] - b[p]
            elif operation == MUL:
                for p in range(CHUNK):
                    result[p] = a[p] * b[p]
            elif operation == DIV:
                for p in range(CHUNK):
                    result[p] = a[p] / b[p]
            elif operation == SQRT:
                for p in range(CHUNK):
                    result[p] = np.sqrt(a[p])
            elif operation == FINITE:
                for p in range(CHUNK):
                    result[p] = a[p] if a[p] - a[p] == zero else np.float32(np.nan)
            elif operation == GE:
                for p in range(CHUNK):
                    result[p] = one if a[p] >= b[p] else zero
            elif operation == GT:
                for p in range(CHUNK):
                    result[p] = one if a[p] > b[p] else zero
            elif operation == EQ:
                for p in range(CHUNK):
                    result[p] = one if a[p] == b[p] else zero
            elif operation == OR:
                for p in range(CHUNK):
                    result[p] = max(a[p], b[p])
            elif operation == AND:
                for p in range(CHUNK):
                    result[p] = min(a[p], b[p])
        graded = registers[value]
        grade[:] = 0
        for cut in cuts:
            for p in range(CHUNK):
                grade[p] += np.uint8(1) if graded[p] >= cut else np.uint8(0)
        for p in range(CHUNK):
            grade[p] = grade[p] if graded[p] == graded[p] else undefined
        for m in range(len(masks) - 1, -1, -1):
            code = np.uint8(first + m)
            if masks[m] >= 0:
                found = registers[masks[m]]
                for p in range(CHUNK):
                    grade[p] = code if found[p] != zero else grade[p]
            else:
                numbers = raw[looked[m], start : start + size]
                table = look[m]
                for p in range(size):
                    grade[p] = code if table[numbers[p]] else grade[p]
        for r in known:
            register = registers[r]
            for p in range(CHUNK):
                grade[p] = grade[p] if register[p] == register[p] else nodata
        out[start : start + size] = grade[:size]


class Fused:
    """The compiled way of one classifier for one reader. `made` gives None where there is none."""

    def __init__(self, classifier: Classifier, dtype: Any):
        """Raises `Untraced`. ``dtype``: of the raw numbers, uint8 or uint16."""
        bands, scene = classifier.bands, classifier.scene
        size = int(np.iinfo(dtype).max) + 1
        self.scale, self.offset = float(scene.scale), float(scene.offset)
        self.nodata = -1.0 if scene.nodata is None else float(scene.nodata)
        tape = Tape()
        wanted = [key for key in bands if key not in CLASS_BANDS]
        reflectance: dict[str, Any] = {key: tape.load("reflectance", key) for key in wanted}
        for key in wanted:
            tape.load("clipped", key)
        raw: dict[str, Any] = {key: tape.load("raw", key) for key in bands if key in CLASS_BANDS}
        self.masks, self.looked = [], []
        look = np.zeros((max(1, len(classifier.rules)), size), dtype=np.bool_)
        for number, rule in enumerate(classifier.rules):
            if len(rule.bands) == 1 and rule.bands[0] in CLASS_BANDS:
                every = np.arange(size)
                look[number] = rule.find({rule.bands[0]: every}, {})
                self.masks.append(_NONE)
                self.looked.append(bands.index(rule.bands[0]))
            else:
                found: Any = rule.find({**reflectance, **raw}, reflectance)
                self.masks.append(_traced(found))
                self.looked.append(_NONE)
        measure = classifier.measure
        value: Any = measure.evaluate({key: reflectance[key] for key in measure.bands})
        self.value = _traced(value)
        # Cut off at 0 or not, what is missing stays NaN; mostly the formula reads this one anyway.
        missing = [reflectance[key].clipped().number for key in measure.bands]
        self.known = np.array(missing, dtype=np.int64)
        self.look = look
        self.steps = np.array(tape.steps, dtype=np.int32).reshape(-1, 3)
        self.constants = np.array([*tape.constants, 0.0], dtype=np.float32)
        self.sources = np.array([bands.index(band) for _, band in tape.loads], dtype=np.int64)
        self.kinds = np.array([_KINDS[kind] for kind, _ in tape.loads], dtype=np.int64)
        # float32 of a limit, as array code compares it with float32 values.
        self.cuts = np.asarray(classifier.cuts, dtype=np.float32)
        self.first = classifier.grades
        self._drop_unused(tape)

    def _drop_unused(self, tape: Tape) -> None:
        """Registers that nobody reads are not filled."""
        used = {self.value, *self.known.tolist(), *(m for m in self.masks if m >= 0)}
        for operation, a, b in tape.steps:
            used |= {a, b} if operation != CONST else set()
        keep = [r for r in range(len(tape.loads)) if r in used]
        place = {old: new for new, old in enumerate(keep)}
        gone = len(tape.loads) - len(keep)

        def moved(register: int) -> int:
            return place[register] if register < len(tape.loads) else register - gone

        self.sources, self.kinds = self.sources[keep], self.kinds[keep]
        for step in self.steps:
            if step[0] != CONST:
                step[1], step[2] = moved(int(step[1])), moved(int(step[2]))
        self.value = moved(self.value)
        self.known = np.array([moved(r) for r in self.known.tolist()], dtype=np.int64)
        self.masks = [m if m < 0 else moved(m) for m in self.masks]

    @classmethod
    def made(cls, classifier: Classifier, reader: Reader) -> Fused | None:
        """For rasters of uint8 or uint16, and measures and masks that can be traced."""
        if reader.table is None:
            return None
        with contextlib.suppress(Untraced):
            return cls(classifier, reader.scene.dtype)
        return None

    def codes(self, stack: NDArray[Any]) -> NDArray[np.uint8]:
        """uint8[h, w] of raw numbers[bands, h, w], bands as those of the classifier."""
        _, height, width = stack.shape
        out = np.empty(height * width, dtype=np.uint8)
        _classes(
            np.ascontiguousarray(stack).reshape(len(stack), -1),
            self.sources, self.kinds, self.scale, self.offset, self.nodata,
            self.steps, self.constants, self.value, self.cuts,
            np.array(self.masks, dtype=np.int64), np.array(self.looked, dtype=np.int64),
            self.look, self.known, self.first, out,
        )  # fmt: skip
        return out.reshape(height, width)


def _traced(found: Any) -> int:
    if not isinstance(found, Traced):
        raise Untraced(type(found).__name__)
    return found.number
