// The playground of the home page. `site_build/playground_maps.py` made its pictures and numbers when the
// site was built; nothing of them is loaded before the reader scrolls to it.
const FOLDER = "playground/";
const PLACES = ["predicted", "second", "least likely"];

const place = document.getElementById("playground");
const find = (selector) => place.querySelector(selector);
const form = find("form");
const said = find("[role=status]");
const pictures = new Map();
let numbers;
let latest;

function say(words) {
  place.classList.remove("failed");
  said.textContent = words;
}

function fail(file) {
  place.classList.add("failed");
  said.textContent = `The maps cannot be shown, since ${FOLDER}${file} could not be loaded. Reload the page.`;
}

function element(tag, properties, ...inside) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
}

// Radio buttons with the numbers from 0 as values.
function offer(name, contents, checked = 0) {
  const labels = contents.map((content, value) =>
    element("label", {}, element("input", {type: "radio", name, value, checked: value === checked}), content));
  find(`[data-choices=${name}]`).replaceChildren(...labels);
}

async function fetched(file) {
  try {
    const answer = await fetch(FOLDER + file);
    if (answer.ok) return await answer.json();
  } catch { /* neither the network's words nor the parser's help the reader */ }
  throw new Error(file);
}

// A failure is forgotten, so that the next choice tries again.
function picture(file) {
  if (!pictures.has(file)) {
    const image = element("img", {src: `${FOLDER}${file}`, width: 448, height: 448});
    pictures.set(file, image.decode().then(() => image, () => {
      pictures.delete(file);
      throw new Error(file);
    }));
  }
  return pictures.get(file);
}

function read() {
  const given = new FormData(form);
  const [photograph, method, own] = ["photograph", "method", "class"].map((name) => Number(given.get(name)));
  const step = Number(form.elements.q.value);
  const swept = method === numbers.methods.length - 1;
  const shown = numbers.photographs[photograph];
  return {
    shown, own, step, swept,
    network: given.has("random") ? 1 : 0,
    column: method + (swept ? step : 0),
    title: numbers.methods[method] + (swept ? ` at q = ${numbers.percentiles[step]}` : ""),
    name: shown.classes[own][0],
  };
}

// The rank correlations with other maps: what they are of, and the number.
function compared({shown, own, step, swept, network, column}) {
  const rows = swept
    ? [[`the map at q = ${numbers.reference}`, shown.percentile[network][own][step]]] : [];
  shown.classes.forEach(([name], other) => {
    if (other !== own) rows.push([`the map for ${name}`, shown.another_class[network][own][other][column]]);
  });
  const weights = network ? "trained" : "random";
  rows.push([`the map of the network with ${weights} weights`, shown.network[own][column]]);
  return rows;
}

// A pixel of a sprite is a colour and an opacity: its sign and its distance from 128.
function paint(sprite, row, column) {
  const canvas = find("canvas");
  const side = sprite.naturalHeight / PLACES.length;
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(sprite, -column * side, -row * side);
  const image = context.getImageData(0, 0, side, side);
  for (let at = 0; at < image.data.length; at += 4) {
    const value = image.data[at] - 128;
    image.data.set(numbers.colours[value > 0 ? 0 : 1], at);
    image.data[at + 3] = 2 * Math.abs(value);
  }
  context.putImageData(image, 0, 0);
}

function show(chosen, photograph, sprite) {
  const {shown, network} = chosen;
  const words = `${chosen.title} for ${chosen.name}, ${network ? "random" : "trained"} weights`;
  const below = photograph.cloneNode();
  photograph.alt = `Photograph of ${shown.words}`;
  below.alt = "";
  find(".photograph").replaceChildren(photograph);
  find(".below").replaceChildren(below);
  paint(sprite, chosen.own, chosen.column);
  find("canvas").setAttribute("aria-label", `Map of ${words}, over the photograph in grey`);
  find(".caption").textContent = words;
  const rows = compared(chosen).map(([name, value]) => [name, value.toFixed(2)]);
  find("dl").replaceChildren(...rows.map(([name, value]) => {
    const row = element("div", {}, element("dt", {textContent: name}), element("dd", {textContent: value}));
    row.style.setProperty("--share", Math.max(0, value));
    return row;
  }));
  say(`${words}. Rank correlation with ${rows.map((row) => row.join(": ")).join(", ")}.`);
}

async function draw() {
  const chosen = latest = read();
  const {shown, network, swept, step} = chosen;
  const q = swept ? `q = ${numbers.percentiles[step]}` : "for RectGrad only";
  find("output").textContent = q;
  form.elements.q.disabled = !swept;
  form.elements.q.setAttribute("aria-valuetext", q);
  const sprite = `${shown.name}-${network ? "random" : "trained"}.webp`;
  let loaded;
  try {
    loaded = await Promise.all([picture(`${shown.name}.webp`), picture(sprite)]);
  } catch ({message}) {
    if (chosen === latest) fail(message);
    return;
  }
  if (chosen === latest) show(chosen, ...loaded);
}

function offerClasses() {
  const {classes} = numbers.photographs[new FormData(form).get("photograph")];
  offer("class", classes.map(([name, share], rank) => {
    const sure = share < 0.01 ? "below 1 %" : `${Math.round(100 * share)} %`;
    return element("span", {}, name, element("small", {textContent: `${PLACES[rank]}, ${sure}`}));
  }));
}

async function open() {
  say("Loading the maps.");
  let photographs;
  try {
    numbers = await fetched("maps.json");
    photographs = await Promise.all(numbers.photographs.map(({name}) => picture(`${name}.webp`)));
  } catch ({message}) {
    fail(message);
    return;
  }
  offer("photograph", photographs.map((image, number) => {
    const {words} = numbers.photographs[number];
    return Object.assign(image.cloneNode(), {alt: words, title: words});
  }));
  const last = numbers.percentiles.length - 1;
  offer("method", numbers.methods, numbers.methods.length - 1);
  offerClasses();
  form.elements.q.max = form.elements.q.value = last;
  find("datalist").replaceChildren(...numbers.percentiles.map((q, value) => element("option", {value, label: q, textContent: q})));
  form.addEventListener("input", ({target}) => {
    if (target.name === "photograph") offerClasses();
    draw();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  draw();
}

new IntersectionObserver(([seen], observer) => {
  if (!seen.isIntersecting) return;
  observer.disconnect();
  open();
}).observe(place);
