"""Triton kernels of `triton_selection`: score, threshold and mask.

Keys are int32 in the order of the float32 scores. A row is one sample of one activation.
"""

import triton
import triton.language as tl

# The workspace of a row begins with int32 words: 0 and 1, the keys of the bounds; 2, the number of
# scores above them; 3, of units that passed; 4, of zeros between the bounds; 5, of other scores
# between them. Then it has room for entries of these other scores, each with a key and a place in
# the row. Kernels call functions for the numbers below, since Triton compares each global number at
# every launch.
WORDS = 8
PASSED = 3


@triton.jit
def _row(work, row, room):
    """The workspace of a row."""
    return work + row * (8 + 2 * room)


@triton.jit
def _entries(work):
    return (work + 8).to(tl.pointer_type(tl.int64))


@triton.jit
def _add_counts(work, first, second):
    """Add to two neighbouring words at once; returns the second word before."""
    pair = first.to(tl.int64) | (second.to(tl.int64) << 32)
    return (tl.atomic_add(work.to(tl.pointer_type(tl.int64)), pair) >> 32).to(tl.int32)


@triton.jit
def _key_of_number(score):
    """An int32 in the order of float32, for neither NaN nor the negative zero."""
    bits = score.to(tl.int32, bitcast=True)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
def _key(score):
    """An int32 in the order of float32. Both zeros are 0; NaN is the largest."""
    return tl.where(score == score, _key_of_number(score + 0.0), 0x7FFFFFFF)


@triton.jit
def _is_number(key):
    return key != 0x7FFFFFFF


@triton.jit
def _number(key):
    """The float32 of a key. Keys of NaN and below all keys are rounded to infinities.

    No score has the key -1, which would be the negative zero; -2 is the number below zero.
    """
    key = tl.where(key == -1, -2, tl.minimum(tl.maximum(key, -0x7F800001), 0x7F800000))
    return (key ^ ((key >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)


@triton.jit
def _score(activation, gradient, offsets, inside, NAME: tl.constexpr):
    """Scores, from the place of an activation and the values of its gradient."""
    if NAME == "PR4":
        return gradient.to(tl.float32)
    score = tl.load(activation + offsets, mask=inside, other=float("nan")).to(tl.float32)
    if NAME != "PR3":
        score *= gradient.to(tl.float32)
    if NAME == "PR2":
        score = tl.abs(score)
    return score


@triton.jit
def _keys_at(first, second, offsets, inside, NAME: tl.constexpr):
    """Keys of the scores of an activation and its gradient, or collected keys."""
    if NAME == "keys":
        return tl.load(first + 2 * offsets, mask=inside, other=0)
    gradient = tl.load(second + offsets, mask=inside, other=0)
    return _key(_score(first, gradient, offsets, inside, NAME))


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
    least = -0x80000000
    threshold = _key_of_rank(activation, grad_output, units, rank, least, top, NAME, BLOCK)
    passed = tl.zeros([BLOCK], dtype=tl.int32)
    for start in range(0, units, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        inside = offsets < units
        key = _keys_at(activation, grad_output, offsets, inside, NAME)
        gradient = tl.load(grad_output + offsets, mask=inside, other=0)
        kept = inside & (key > threshold) & _is_number(key)
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
    words = tl.arange(0, 8)
    low_key = ((low_top << 8) + low - 32768) << 16
    high_key = (((high_top << 8) + high - 32768) << 16) | 0xFFFF
    bounds = tl.where(words == 0, low_key, tl.where(words == 1, high_key, 0))
    tl.store(_row(work, row, room) + words, bounds)


@triton.jit(do_not_specialize=["units", "room"])
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
    """Mask a part of a row with the upper bound, and collect the scores between the bounds.

    Called with one warp. `units` is not specialised, so that each thread loads single numbers: with
    vectors, the columns would be moved between threads.
    """
    row = tl.program_id(1).to(tl.int64)
    activation += row * units
    grad_output += row * units
    out += row * units
    work = _row(work, row, room)
    low, high = _number(tl.load(work)), _number(tl.load(work + 1))
    # Each of the 32 columns belongs to one thread, so that most sums need no other thread.
    start = tl.program_id(0) * BLOCK
    steps = tl.arange(0, BLOCK // 32)[:, None] * 32
    offsets = start + steps + tl.arange(0, 32)[None, :]
    inside = offsets < units
    gradient = tl.load(grad_output + offsets, mask=inside, other=float("nan"))
    score = _score(activation, gradient, offsets, inside, NAME)  # NaN outside of the row
    kept = score > high
    tl.store(out + offsets, tl.where(kept, gradient, 0), mask=inside)
    # NaN is above all numbers. Numbers are compared, since computing all keys takes longer.
    above = ~(score <= high)
    between = (score >= low) & (score <= high)
    # Zeros are counted, not collected: most scores after a ReLU are zero.
    zero = between & (score == 0)
    collected = between & (score != 0)
    # Two counts in each sum, of 16 bits, and in each word of 64 bits.
    counts = tl.sum(tl.where(above, 1, 0) + tl.where(kept, 1 << 16, 0))
    outside = tl.maximum(start + BLOCK - units, 0)
    _add_counts(work + 2, (counts & 0xFFFF) - outside, counts >> 16)
    of_thread = tl.sum(tl.where(zero, 1, 0) + tl.where(collected, 1 << 16, 0), axis=0)
    counts = tl.sum(of_thread)
    of_thread >>= 16
    first = _add_counts(work + 4, counts & 0xFFFF, counts >> 16)
    first += tl.cumsum(of_thread) - of_thread
    place = first[None, :] + tl.cumsum(collected.to(tl.int32), axis=0) - 1
    key = _key_of_number(score)
    entry = (offsets.to(tl.int64) << 32) | (key.to(tl.int64) & 0xFFFFFFFF)
    tl.store(_entries(work) + place, entry, mask=collected & (place < room))


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
    work = _row(work, row, room)
    keys = work + 8
    above, passed = tl.load(work + 2), tl.load(work + 3)
    zeros, between = tl.load(work + 4), tl.load(work + 5)
    rest = rank - above
    enclosed = (rest >= 0) & (rest < between + zeros) & (between <= room)
    threshold = 0
    if enclosed:
        positive = tl.zeros([BLOCK], dtype=tl.int32)
        for start in range(0, between, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            key = tl.load(keys + 2 * offsets, mask=offsets < between, other=0)
            positive += (key > 0).to(tl.int32)
        is_zero = (rest >= tl.sum(positive)) & (rest < tl.sum(positive) + zeros)
        if not is_zero:
            rest = tl.where(rest < tl.sum(positive), rest, rest - zeros)
            low = tl.load(work)
            range_of_keys = tl.load(work + 1) - low  # negative: more than 31 bits
            narrow = (range_of_keys >= 0) & (range_of_keys < (1 << 24))
            shift = tl.where(narrow, 16, 24)
            threshold = _key_of_rank(keys, keys, between, rest, low, shift, "keys", BLOCK)
        # Below a threshold of zero, zeros would pass; they were not collected.
        enclosed = (threshold >= 0) | (zeros == 0)
    if enclosed:
        more = tl.zeros([BLOCK], dtype=tl.int32)
        for start in range(0, between, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            key = tl.load(keys + 2 * offsets, mask=offsets < between, other=0)
            kept = (offsets < between) & (key > threshold) & _is_number(key)
            place = tl.load(keys + 2 * offsets + 1, mask=kept, other=0)
            gradient = tl.load(grad_output + base + place, mask=kept, other=0)
            tl.store(out + base + place, gradient, mask=kept)
            more += kept.to(tl.int32)
        passed += tl.sum(more)
    else:
        passed = _mask_row(
            activation + base, grad_output + base, out + base, units, rank, NAME, BLOCK
        )
    tl.store(work + 3, passed)
