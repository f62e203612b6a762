"""Triton kernels of `triton_selection`: score, threshold and mask.

Keys are int32 in the order of the float32 scores. A row is one sample of one activation.
"""

import triton
import triton.language as tl

# Words of the state of a row, int32: the keys of the bounds; the number of scores above the bounds;
# of zeros and of other scores between them; and of units that passed.
WORDS = tl.constexpr(8)
LOW = tl.constexpr(0)
HIGH = tl.constexpr(1)
ABOVE = tl.constexpr(2)
ZEROS = tl.constexpr(3)
BETWEEN = tl.constexpr(4)
PASSED = tl.constexpr(5)
NAN = tl.constexpr(0x7FFFFFFF)  # key of NaN, the largest


@triton.jit
def _key(score):
    """An int32 in the order of float32. Both zeros are 0; NaN is the largest."""
    bits = (score + 0.0).to(tl.int32, bitcast=True)
    key = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return tl.where(score == score, key, NAN)


@triton.jit
def _keys_at(first, second, offsets, inside, NAME: tl.constexpr):
    """Keys of the scores of an activation and its gradient, or collected keys."""
    if NAME == "keys":
        return tl.load(first + offsets, mask=inside, other=0)
    if NAME == "PR3":
        return _key(tl.load(first + offsets, mask=inside, other=0).to(tl.float32))
    gradient = tl.load(second + offsets, mask=inside, other=0).to(tl.float32)
    if NAME == "PR4":
        return _key(gradient)
    score = tl.load(first + offsets, mask=inside, other=0).to(tl.float32) * gradient
    if NAME == "PR2":
        score = tl.abs(score)
    return _key(score)


@triton.jit
def _key_of_rank(first, second, count, rank, NAME: tl.constexpr, BLOCK: tl.constexpr):
    """The key at a rank, counted from the largest: a radix search of eight bits at a time."""
    bins = tl.arange(0, 256)
    found = 0
    for step in tl.static_range(4):
        shift = 24 - 8 * step
        counts = tl.zeros([256], dtype=tl.int32)
        for start in range(0, count, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            inside = offsets < count
            key = _keys_at(first, second, offsets, inside, NAME)
            digit = (key >> shift) & 255
            if step == 0:
                digit = digit ^ 128  # the sign
            else:
                inside = inside & ((key >> (shift + 8)) == (found >> (shift + 8)))
            counts += tl.histogram(tl.where(inside, digit, 0), 256)
            others = tl.sum((~inside).to(tl.int32))
            counts -= tl.where(bins == 0, others, 0)
        at_least = tl.sum(counts) - tl.cumsum(counts) + counts
        chosen = tl.sum((at_least > rank).to(tl.int32)) - 1
        rank -= tl.sum(tl.where(bins > chosen, counts, 0))
        if step == 0:
            chosen = chosen ^ 128
        found |= chosen << shift
    return found


@triton.jit
def _mask_row(
    activation,
    grad_output,
    out,
    units,
    rank,
    NAME: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Mask a row; returns the number of units that passed."""
    threshold = _key_of_rank(activation, grad_output, units, rank, NAME, BLOCK)
    passed = tl.zeros([BLOCK], dtype=tl.int32)
    for start in range(0, units, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        inside = offsets < units
        key = _keys_at(activation, grad_output, offsets, inside, NAME)
        gradient = tl.load(grad_output + offsets, mask=inside, other=0)
        kept = inside & (key > threshold) & (key != NAN)
        tl.store(out + offsets, tl.where(kept, gradient, 0), mask=inside)
        passed += kept.to(tl.int32)
    return tl.sum(passed)


@triton.jit(do_not_specialize=["rank"])
def short_rows(
    activation,
    grad_output,
    out,
    passed,
    units,
    rank,
    NAME: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0)
    base = row.to(tl.int64) * units
    count = _mask_row(activation + base, grad_output + base, out + base, units, rank, NAME, BLOCK)
    tl.store(passed + row, count)


@triton.jit(do_not_specialize=["high_rank", "low_rank"])
def propose(
    activation,
    grad_output,
    state,
    units,
    high_rank,
    low_rank,
    NAME: tl.constexpr,
    SAMPLE: tl.constexpr,
):
    """Bounds of the threshold of a row, from one score of each of `SAMPLE` equal parts."""
    row = tl.program_id(0)
    base = row.to(tl.int64) * units
    part = tl.arange(0, SAMPLE)
    start = (part.to(tl.int64) * units // SAMPLE).to(tl.int32)
    end = ((part + 1).to(tl.int64) * units // SAMPLE).to(tl.int32)
    # A multiplicative hash: a fixed place in each part would follow the rows of an image.
    jitter = ((part * 40503) & 0xFFFF) % (end - start)
    key = _keys_at(activation + base, grad_output + base, start + jitter, part >= 0, NAME)
    # The upper half of the bits, by bisection of both bounds at once.
    coarse = (key >> 16) + 32768
    high, low = 0, 0
    for bit in tl.static_range(16):
        step = 32768 >> bit
        counts = tl.sum(
            (coarse >= high + step).to(tl.int32) + ((coarse >= low + step).to(tl.int32) << 16)
        )
        high += tl.where((counts & 0xFFFF) > high_rank, step, 0)
        low += tl.where((counts >> 16) > low_rank, step, 0)
    words = tl.arange(0, WORDS)
    low_key = (low - 32768) << 16
    high_key = ((high - 32768) << 16) | 0xFFFF
    bounds = tl.where(words == LOW, low_key, tl.where(words == HIGH, high_key, 0))
    tl.store(state + row * WORDS + words, bounds)


@triton.jit(do_not_specialize=["room"])
def split(
    activation,
    grad_output,
    out,
    state,
    keys,
    places,
    units,
    room,
    NAME: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Mask a part of a row with the upper bound, and collect the scores between the bounds."""
    row = tl.program_id(1)
    base = row.to(tl.int64) * units
    state += row * WORDS
    low, high = tl.load(state + LOW), tl.load(state + HIGH)
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < units
    key = _keys_at(activation + base, grad_output + base, offsets, inside, NAME)
    gradient = tl.load(grad_output + base + offsets, mask=inside, other=0)
    above = inside & (key > high)
    kept = above & (key != NAN)
    tl.store(out + base + offsets, tl.where(kept, gradient, 0), mask=inside)
    between = inside & (key >= low) & (key <= high)
    # Zeros are counted, not collected: most scores after a ReLU are zero.
    zero = between & (key == 0)
    between = between & (key != 0)
    counts = tl.sum(above.to(tl.int32) + (kept.to(tl.int32) << 16))
    tl.atomic_add(state + ABOVE, counts & 0xFFFF)
    tl.atomic_add(state + PASSED, counts >> 16)
    tl.atomic_add(state + ZEROS, tl.sum(zero.to(tl.int32)))
    position = tl.cumsum(between.to(tl.int32))
    place = tl.atomic_add(state + BETWEEN, tl.sum(between.to(tl.int32))) + position - 1
    collected = between & (place < room)
    place = row.to(tl.int64) * room + place
    tl.store(keys + place, key, mask=collected)
    tl.store(places + place, offsets, mask=collected)


@triton.jit(do_not_specialize=["room", "rank"])
def finish(
    activation,
    grad_output,
    out,
    state,
    keys,
    places,
    units,
    room,
    rank,
    NAME: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Find the threshold among the collected scores of a row, and mask them."""
    row = tl.program_id(0)
    base = row.to(tl.int64) * units
    state += row * WORDS
    keys += row.to(tl.int64) * room
    places += row.to(tl.int64) * room
    above, zeros = tl.load(state + ABOVE), tl.load(state + ZEROS)
    between, passed = tl.load(state + BETWEEN), tl.load(state + PASSED)
    rest = rank - above
    enclosed = (rest >= 0) & (rest < between + zeros) & (between <= room)
    threshold = 0
    if enclosed:
        positive = tl.zeros([BLOCK], dtype=tl.int32)
        for start in range(0, between, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            key = tl.load(keys + offsets, mask=offsets < between, other=0)
            positive += (key > 0).to(tl.int32)
        is_zero = (rest >= tl.sum(positive)) & (rest < tl.sum(positive) + zeros)
        if not is_zero:
            rest = tl.where(rest < tl.sum(positive), rest, rest - zeros)
            threshold = _key_of_rank(keys, keys, between, rest, "keys", BLOCK)
        # Below a threshold of zero, zeros would pass; they were not collected.
        enclosed = (threshold >= 0) | (zeros == 0)
    if enclosed:
        more = tl.zeros([BLOCK], dtype=tl.int32)
        for start in range(0, between, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            key = tl.load(keys + offsets, mask=offsets < between, other=0)
            kept = (offsets < between) & (key > threshold) & (key != NAN)
            place = tl.load(places + offsets, mask=kept, other=0)
            gradient = tl.load(grad_output + base + place, mask=kept, other=0)
            tl.store(out + base + place, gradient, mask=kept)
            more += kept.to(tl.int32)
        passed += tl.sum(more)
    else:
        passed = _mask_row(
            activation + base, grad_output + base, out + base, units, rank, NAME, BLOCK
        )
    tl.store(state + PASSED, passed)
