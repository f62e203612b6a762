// From a picture to the input of a network: scaling, the centre, normalisation, as timm does it.
import {resample} from "./resampling.js";

const SMALLEST = 8; // pixels, as in `check_size` of captum_rectgrad/plotting/images.py
const LARGEST_RATIO = 100;

// Decode a file. Colour profiles are ignored and transparency becomes white, as in `rectgrad explain`.
export async function decode(blob, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, {colorSpaceConversion: "none"});
  } catch {
    throw new Error(`${name} cannot be read as a picture: choose a complete PNG, JPEG or WebP file.`);
  }
  const {width, height} = bitmap;
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  if (short < SMALLEST) {
    throw new Error(`${name} has ${width} x ${height} pixels: choose a picture with at least ${SMALLEST} on each side.`);
  }
  if (long > LARGEST_RATIO * short) {
    throw new Error(`${name} has ${width} x ${height} pixels: one side is more than ${LARGEST_RATIO} times the other. Crop it.`);
  }
  const data = onWhite(bitmap, name);
  const pixels = new Uint8ClampedArray(3 * width * height);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    pixels[to++] = data[from];
    pixels[to++] = data[from + 1];
    pixels[to++] = data[from + 2];
  }
  return {pixels, width, height, name};
}

// Red, green, blue and opacity of each pixel.
function onWhite(bitmap, name) {
  const {width, height} = bitmap;
  try {
    const context = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height).data;
  } catch {
    throw new Error(`${name} has ${width} x ${height} pixels, too many for this browser: scale it down.`);
  }
}

// The picture as the network sees it, and a sentence if its size is changed.
export function fitted(picture, {side, resizedTo}) {
  const {width, height, name} = picture;
  const short = Math.min(width, height);
  const scaled = (length) => (length === short ? resizedTo : Math.trunc((resizedTo * length) / short));
  const resized = resample(picture, scaled(width), scaled(height));
  const [left, top] = [resized.width, resized.height].map((length) => roundedToEven((length - side) / 2));
  const pixels = new Uint8ClampedArray(3 * side * side);
  for (let row = 0; row < side; row++) {
    const start = 3 * ((top + row) * resized.width + left);
    pixels.set(resized.pixels.subarray(start, start + 3 * side), 3 * row * side);
  }
  const unchanged = width === side && height === side;
  const words = unchanged ? "" :
    `${name} has ${width} x ${height} pixels. It is scaled to ${resized.width} x ${resized.height}, and the ` +
    `${side} x ${side} pixels in the centre are explained.`;
  return {pixels, side, words};
}

// Python rounds halves to the even integer.
function roundedToEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

// The input of the network, channels first. Covered pixels have the mean colour, which is zero.
export function networkInput({pixels, side}, {mean, std}, isCovered) {
  const count = side * side;
  const input = new Float32Array(3 * count);
  for (let pixel = 0; pixel < count; pixel++) {
    if (isCovered(pixel % side, Math.trunc(pixel / side))) continue;
    for (let channel = 0; channel < 3; channel++) {
      const value = Math.fround(pixels[3 * pixel + channel] / 255);
      input[channel * count + pixel] = (value - mean[channel]) / std[channel];
    }
  }
  return input;
}
