"""Triton kernels of `triton_selection`: score, threshold and mask.

Keys are int32 in the order of the float32 scores. A row is one sample of one activation.
"""

import triton
import triton.language as tl

# The workspace of a row, int32: the keys of the bounds; the number of scores above the bounds, of
# zeros and of other scores between them, and of units that passed; then room for collected keys,
# and as much for their places in the row.
WORDS = tl.constexpr(8)
LOW = tl.constexpr(0)
HIGH = tl.constexpr(1)
ABOVE = tl.constexpr(2)
ZEROS = tl.constexpr(3)
BETWEEN = tl.constexpr(4)
PASSED = tl.constexpr(5)
NAN = tl.constexpr(0x7FFFFFFF)  # key of NaN, the largest
SMALLEST = tl.constexpr(-0x80000000)  # below all keys


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
def _digit_of_rank(counts, rank):
    """The digit at a rank, counted from the largest, and the rank among those with this digit."""
    bins = tl.arange(0, 256)
    at_least = tl.sum(counts) - tl.cumsum(counts) + counts
    digit = tl.sum((at_least > rank).to(tl.int32)) - 1
    return digit, rank - tl.sum(tl.where(bins > digit, counts, 0))


@triton.jit
def _lower_digits(coarse, top):
    """How often each lower digit occurs in numbers of 16 bits with an upper digit."""
    chosen = (coarse >> 8) == top
    counts = tl.histogram(tl.where(chosen, coarse & 255, 0), 256)
    return counts - tl.where(tl.arange(0, 256) == 0, tl.sum((~chosen).to(tl.int32)), 0)


@triton.jit
def _key_of_rank(first, second, count, rank, low, shift, NAME: tl.constexpr, BLOCK: tl.constexpr):
    """The key at a rank, counted from the largest: a radix search of eight bits at a time.

    No key is below `low`, or by more than 2 ** (shift + 8) - 1 above it.
    """
    bins = tl.arange(0, 256)
    found = 0
    known = 0  # mask of the bits that are found
    while shift >= 0:
        counts = tl.zeros([256], dtype=tl.int32)
        others = tl.zeros([BLOCK], dtype=tl.int32)
        for start in range(0, count, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            inside = offsets < count
            key = _keys_at(first, second, offsets, inside, NAME) - low
            inside = inside & (((key ^ found) & known) == 0)
            counts += tl.histogram(tl.where(inside, (key >> shift) & 255, 0), 256)
            others += (~inside).to(tl.int32)
        counts -= tl.where(bins == 0, tl.sum(others), 0)
        digit, rank = _digit_of_rank(counts, rank)
        found |= digit << shift
        known = -1 << shift
        shift -= 8
    return found + low


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
    top = tl.full([], 24, tl.int32)
    threshold = _key_of_rank(activation, grad_output, units, rank, SMALLEST, top, NAME, BLOCK)
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


@triton.jit(do_not_specialize=["room", "high_rank", "low_rank"])
def propose(
    activation,
    grad_output,
    work,
    units,
    room,
    high_rank,
    low_rank,
    NAME: tl.constexpr,
    SAMPLE: tl.constexpr,
):
    """Bounds of the threshold of a row, from one score of each of `SAMPLE` equal parts."""
    row = tl.program_id(0).to(tl.int64)
    base = row * units
    part = tl.arange(0, SAMPLE)
    start = (part.to(tl.int64) * units // SAMPLE).to(tl.int32)
    end = ((part + 1).to(tl.int64) * units // SAMPLE).to(tl.int32)
    # A multiplicative hash: a fixed place in each part would follow the rows of an image.
    jitter = ((part * 40503) & 0xFFFF) % (end - start)
    key = _keys_at(activation + base, grad_output + base, start + jitter, part >= 0, NAME)
    # The upper half of the bits, eight at a time; the lower half is rounded outwards.
    coarse = (key >> 16) + 32768
    tops = tl.histogram(coarse >> 8, 256)
    high_top, high_rest = _digit_of_rank(tops, high_rank)
    low_top, low_rest = _digit_of_rank(tops, low_rank)
    high, _ = _digit_of_rank(_lower_digits(coarse, high_top), high_rest)
    low, _ = _digit_of_rank(_lower_digits(coarse, low_top), low_rest)
    words = tl.arange(0, WORDS)
    low_key = ((low_top << 8) + low - 32768) << 16
    high_key = (((high_top << 8) + high - 32768) << 16) | 0xFFFF
    bounds = tl.where(words == LOW, low_key, tl.where(words == HIGH, high_key, 0))
    tl.store(work + row * (WORDS + 2 * room) + words, bounds)


@triton.jit(do_not_specialize=["room"])
def split(
    activation,
    grad_output,
    out,
    work,
    units,
    room,
    NAME: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Mask a part of a row with the upper bound, and collect the scores between the bounds."""
    row = tl.program_id(1).to(tl.int64)
    base = row * units
    work += row * (WORDS + 2 * room)
    low, high = tl.load(work + LOW), tl.load(work + HIGH)
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
    # Two counts in each sum, of 16 bits.
    counts = tl.sum(above.to(tl.int32) + (kept.to(tl.int32) << 16))
    tl.atomic_add(work + ABOVE, counts & 0xFFFF)
    tl.atomic_add(work + PASSED, counts >> 16)
    counts = tl.sum(zero.to(tl.int32) + (between.to(tl.int32) << 16))
    tl.atomic_add(work + ZEROS, counts & 0xFFFF)
    first = tl.atomic_add(work + BETWEEN, counts >> 16)
    place = first + tl.cumsum(between.to(tl.int32)) - 1
    collected = between & (place < room)
    tl.store(work + WORDS + place, key, mask=collected)
    tl.store(work + WORDS + room + place, offsets, mask=collected)


@triton.jit(do_not_specialize=["room", "rank"])
def finish(
    activation,
    grad_output,
    out,
    work,
    units,
    room,
    rank,
    NAME: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Find the threshold among the collected scores of a row, and mask them."""
    row = tl.program_id(0).to(tl.int64)
    base = row * units
    work += row * (WORDS + 2 * room)
    keys = work + WORDS
    above, zeros = tl.load(work + ABOVE), tl.load(work + ZEROS)
    between, passed = tl.load(work + BETWEEN), tl.load(work + PASSED)
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
            low = tl.load(work + LOW)
            range_of_keys = tl.load(work + HIGH) - low  # negative: more than 31 bits
            narrow = (range_of_keys >= 0) & (range_of_keys < (1 << 24))
            shift = tl.where(narrow, 16, 24)
            threshold = _key_of_rank(keys, keys, between, rest, low, shift, "keys", BLOCK)
        # Below a threshold of zero, zeros would pass; they were not collected.
        enclosed = (threshold >= 0) | (zeros == 0)
    if enclosed:
        more = tl.zeros([BLOCK], dtype=tl.int32)
        for start in range(0, between, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            key = tl.load(keys + offsets, mask=offsets < between, other=0)
            kept = (offsets < between) & (key > threshold) & (key != NAN)
            place = tl.load(keys + room + offsets, mask=kept, other=0)
            gradient = tl.load(grad_output + base + place, mask=kept, other=0)
            tl.store(out + base + place, gradient, mask=kept)
            more += kept.to(tl.int32)
        passed += tl.sum(more)
    else:
        passed = _mask_row(
            activation + base, grad_output + base, out + base, units, rank, NAME, BLOCK
        )
    tl.store(work + PASSED, passed)
