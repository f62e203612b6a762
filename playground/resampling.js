// Bicubic resampling as Pillow's `Image.resize`, to the same 8 bits: browsers scale in other ways, and a map
// differs where the input does.

const SUPPORT = 2;
const A = -0.5;
const PRECISION = 2 ** 22;

function bicubic(at) {
  const x = Math.abs(at);
  if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * A;
  return 0;
}

// For each pixel of the result, the first pixel that it is made of, and their integer weights.
function contributions(from, to) {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = SUPPORT * stretch;
  return Array.from({length: to}, (_, pixel) => {
    const centre = (pixel + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), from);
    const raw = Array.from({length: end - first}, (_, i) => bicubic((first + i - centre + 0.5) / stretch));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return {first, weights: raw.map((weight) => rounded((weight / sum) * PRECISION))};
  });
}

function rounded(value) {
  return Math.trunc(value < 0 ? value - 0.5 : value + 0.5);
}

// One direction: `lines` lines whose pixels are `step` values apart, and which begin `stride` values apart.
function resampleLines(source, target, parts, lines, from, to) {
  parts.forEach(({first, weights}, pixel) => {
    for (let line = 0; line < lines; line++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = PRECISION / 2;
        let at = line * from.stride + first * from.step + channel;
        for (const weight of weights) {
          sum += source[at] * weight;
          at += from.step;
        }
        // Assignment to a clamped array rounds, so the fraction is cut off first.
        target[line * to.stride + pixel * to.step + channel] = Math.floor(sum / PRECISION);
      }
    }
  });
}

// `pixels`: red, green and blue of each pixel. Returns the same for the new size.
export function resample({pixels, width, height}, newWidth, newHeight) {
  let current = pixels;
  if (newWidth !== width) {
    const narrow = new Uint8ClampedArray(3 * newWidth * height);
    const [from, to] = [{step: 3, stride: 3 * width}, {step: 3, stride: 3 * newWidth}];
    resampleLines(current, narrow, contributions(width, newWidth), height, from, to);
    current = narrow;
  }
  if (newHeight !== height) {
    const low = new Uint8ClampedArray(3 * newWidth * newHeight);
    const lines = {step: 3 * newWidth, stride: 3};
    resampleLines(current, low, contributions(height, newHeight), newWidth, lines, lines);
    current = low;
  }
  return {pixels: current, width: newWidth, height: newHeight};
}
