// Spearman's rank correlation of absolute maps, as `unit_ranks` of captum_rectgrad/evaluation/map_metrics.py.

// Ranks of the absolute values with mean 0 and norm 1; equal values share their mean rank. Null for a
// constant map, which has no correlation.
export function unitRanks(values) {
  const sizes = values.map(Math.abs);
  const sorted = sizes.slice().sort();
  const count = sorted.length;
  const centred = new Map();
  let squares = 0;
  for (let first = 0; first < count;) {
    let end = first + 1;
    while (end < count && sorted[end] === sorted[first]) end++;
    const rank = (first + end - 1) / 2 - (count - 1) / 2;
    centred.set(sorted[first], rank);
    squares += (end - first) * rank ** 2;
    first = end;
  }
  if (squares === 0) return null;
  const norm = Math.sqrt(squares);
  return sizes.map((size) => centred.get(size) / norm);
}

// Null if a map is constant.
export function correlation(first, second) {
  if (first === null || second === null) return null;
  return first.reduce((sum, rank, pixel) => sum + rank * second[pixel], 0);
}
