// The downloads: a picture of all maps, and their numbers.

const SIDE = 224; // pixels of a map in the PNG file
const GAP = 12;
const LINES = 44; // height of the words below a map
const FONT = "13px sans-serif";

export function savePng(panels, name) {
  const columns = Math.min(panels.length, 4);
  const rows = Math.ceil(panels.length / columns);
  const canvas = document.createElement("canvas");
  canvas.width = columns * (SIDE + GAP) + GAP;
  canvas.height = rows * (SIDE + LINES + GAP) + GAP;
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.font = FONT;
  context.fillStyle = "#222";
  panels.forEach(({canvas: map, title, note}, number) => {
    const left = GAP + (number % columns) * (SIDE + GAP);
    const top = GAP + Math.floor(number / columns) * (SIDE + LINES + GAP);
    context.drawImage(map, left, top, SIDE, SIDE);
    context.fillText(title, left, top + SIDE + 17, SIDE);
    context.fillText(note, left, top + SIDE + 35, SIDE);
  });
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(save(blob, `${name}.png`)), "image/png"));
}

export function saveJson(content, name) {
  save(new Blob([JSON.stringify(content)], {type: "application/json"}), `${name}.json`);
}

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), {href: address, download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(address));
}
