// Maps over pictures, as `plot_map(..., over=)` of captum_rectgrad/plotting/single_map.py.

const [LOW, HIGH] = [0.005, 0.995];
const PALE = 0.35; // share of white in the grey picture below a map
const LUMA = [0.299, 0.587, 0.114];

// Percentile with linear interpolation, of sorted values.
function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

// Outliers are clipped; a sparse map keeps the values of a sign that its percentile would remove.
export function cappedMap(values) {
  const sorted = values.slice().sort();
  let [low, high] = [quantile(sorted, LOW), quantile(sorted, HIGH)];
  if (high <= 0 && sorted.at(-1) > 0) high = quantile(sorted.filter((value) => value > 0), HIGH);
  if (low >= 0 && sorted[0] < 0) low = quantile(sorted.filter((value) => value < 0), LOW);
  return values.map((value) => Math.min(Math.max(value, low), high));
}

// `pixels` is what the network sees. `colours` are those for and against the class.
export function drawMap(canvas, values, pixels, colours) {
  const capped = cappedMap(values);
  const largest = capped.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const image = new ImageData(canvas.width, canvas.height);
  capped.forEach((value, pixel) => {
    const opacity = Math.sqrt(Math.abs(value) / largest);
    const luma = LUMA.reduce((sum, weight, channel) => sum + weight * pixels[3 * pixel + channel], 0);
    const grey = 255 * PALE + (1 - PALE) * luma;
    const colour = colours[value > 0 ? 0 : 1];
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * pixel + channel] = (1 - opacity) * grey + opacity * colour[channel];
    }
    image.data[4 * pixel + 3] = 255;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

export function drawPicture(canvas, pixels) {
  const image = new ImageData(canvas.width, canvas.height);
  for (let from = 0, to = 0; from < pixels.length; to += 4) {
    image.data[to] = pixels[from++];
    image.data[to + 1] = pixels[from++];
    image.data[to + 2] = pixels[from++];
    image.data[to + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// The picture with covered pixels in the mean colour of the network.
export function covered({pixels, side}, mean, isCovered) {
  return pixels.map((value, at) => {
    const pixel = Math.trunc(at / 3);
    return isCovered(pixel % side, Math.trunc(pixel / side)) ? 255 * mean[at % 3] : value;
  });
}
