// The playground: choices of the reader, and what they change.
import {Brush} from "./brush.js";
import {offerClasses, percent, ranking, showProbabilities, softmax} from "./class-menus.js";
import {offerChoices} from "./choices.js";
import {columns} from "./columns.js";
import {CoveredRegion} from "./covered-region.js";
import {covered, drawPicture} from "./drawing.js";
import {Figures} from "./figures.js";
import {closedLayer, showShares} from "./layer-shares.js";
import {filesOf, loadNetworks, megabytes} from "./loading.js";
import {decode, fitted, networkInput} from "./preprocessing.js";
import {saveJson, savePng} from "./saved-files.js";
import {hasSimd} from "./simd.js";
import {fragment, OWN, readFragment} from "./state-in-link.js";
import {WorkerCalls} from "./worker-calls.js";

const place = document.getElementById("live-playground");
const find = (selector) => place.querySelector(selector);
const {elements} = find("form");
const region = new CoveredRegion();
const figures = new Figures(place);
const loaded = new Set(); // names of networks
const results = new Map(); // of the present input, by key
let description;
let state;
let worker;
let picture; // as decoded
let seen; // as the network sees it
let input;
let pixels; // what is drawn below the maps
let base; // logits of the whole picture
let failure = ""; // of the last download
let running = false;
let settled; // the promise of what runs
let waiting; // the timer of the next change of the address
let again = false;
let asked = 0; // number of pictures asked for
let shown = 0; // which of them is shown

const KEPT = 60; // results; one of EfficientNet-Lite0 is 800 kB
const files = (file) => new URL(file, import.meta.url).href;
const network = () => description.networks[state.network];
const target = () => state.target ?? ranking(base)[0];
const other = () => state.other ?? ranking(base).at(-1);
const isCovered = (x, y) => region.hasPixel(x, y, seen.side);

function say(words) {
  find("[role=status]").textContent = words;
}

function complain(words) {
  const alert = find("[role=alert]");
  alert.textContent = words;
  alert.hidden = !words;
}

function remember() {
  clearTimeout(waiting);
  history.replaceState(null, "", `#${fragment(state, region)}`);
}

// Browsers refuse too many changes of the address in a short time.
function rememberLater() {
  clearTimeout(waiting);
  waiting = setTimeout(remember, 300);
}

// The controls show the state.
function show() {
  for (const name of ["network", "method"]) elements[name].value = state[name];
  for (const name of ["another", "random"]) elements[name].checked = state[name];
  elements.q.value = state.q;
  showPercentile();
  const chosen = find(`[name=picture][value=${state.picture}]`);
  for (const radio of place.querySelectorAll("[name=picture]")) radio.checked = radio === chosen;
  find(".control-title").textContent = network().controlTitle;
  const {networks, bytes} = filesOf(state, description, loaded);
  const isLoaded = !Object.keys(networks).length;
  find(".load").hidden = isLoaded;
  find(".load").textContent = `Load the network (${megabytes(bytes)})`;
  place.classList.toggle("loaded", isLoaded);
}

function showPercentile() {
  find(".percentile").textContent = `q = ${state.q}`;
  elements.q.setAttribute("aria-valuetext", `q = ${state.q}`);
}

// The picture and the covered region as the network's input.
function fit() {
  if (!picture) return;
  seen = fitted(picture, network());
  find(".size").textContent = seen.words;
  const canvas = find(".picture canvas");
  canvas.width = canvas.height = seen.side;
  base = undefined;
  renewInput();
}

function renewInput() {
  results.clear();
  input = networkInput(seen, network(), isCovered);
  pixels = covered(seen, network().mean, isCovered);
  drawPicture(find(".picture canvas"), pixels);
}

async function preparedPicture(name) {
  const answer = await fetch(files(`${name}.webp`));
  if (!answer.ok) throw new Error(`The picture ${name}.webp could not be loaded. Reload the page.`);
  return decode(await answer.blob(), "The picture");
}

async function load() {
  if (!hasSimd()) {
    complain("This browser does not run WebAssembly with SIMD, which the networks need. Use a current version of Chrome, Edge, Firefox or Safari.");
    return;
  }
  say("Loading the network.");
  find(".load").disabled = true;
  try {
    worker ??= new WorkerCalls();
    await loadNetworks(worker, state, description, loaded, find("progress"));
    if (find("[role=alert]").textContent === failure) complain("");
  } catch ({message}) {
    complain((failure = message));
    say("");
  } finally {
    find(".load").disabled = false;
  }
  show();
  await update();
}

// Compute what the state asks for. A call during a computation has it look at the state again.
function update() {
  rememberLater();
  again = true;
  if (!running) settled = computeAll();
  return settled;
}

async function computeAll() {
  running = true;
  try {
    while (again) {
      again = false;
      if (picture && loaded.has(state.network)) await compute();
    }
  } catch (error) {
    complain(error.message);
  } finally {
    running = false;
  }
}

async function compute() {
  if (!base) {
    const picture = seen;
    const found = await explain({network: state.network, method: "gradient", target: null, percentile: null}, wholeInput());
    if (seen !== picture) return;
    base = found.logits;
  }
  if (again) return;
  offerBoth();
  const wanted = columns(state, description, target(), other());
  figures.arrange(wanted, wanted.map((column) => results.get(keyOf(column))), seen.side);
  for (const column of wanted) {
    const image = input;
    const found = await remembered(column);
    if (image !== input) return;
    figures.show(column, found, pixels, state, description);
    if (column.id === state.method) showNumbers(found);
    figures.compare(state, description);
    await pendingEvents();
    if (again) return;
  }
  say(`${description.methods[state.method]} at q = ${state.q} for ${network().labels[target()]}.`);
}

// Let the browser handle what the reader has done meanwhile: the next map may not be wanted any more.
function pendingEvents() {
  return new Promise((resolve) => setTimeout(resolve));
}

// The columns of a method and of a comparison can have the same map.
function keyOf({id, ...what}) {
  return JSON.stringify(what);
}

// A result is computed once for an input, as long as it is among the last ones.
async function remembered(column) {
  const key = keyOf(column);
  const image = input;
  const found = results.get(key) ?? await explain(column, image);
  if (image !== input) return found;
  results.set(key, found);
  if (results.size > KEPT) results.delete(results.keys().next().value);
  return found;
}

function wholeInput() {
  return networkInput(seen, network(), () => false);
}

function explain({network: name, method, target: index, percentile}, image) {
  return worker.call("explain", {network: name, method, image, side: seen.side, target: index, percentile});
}

let offered; // the logits behind the menus
let probable; // the input behind the probabilities

function offerBoth() {
  if (offered === base) return;
  offered = base;
  const {labels} = network();
  const order = ranking(base);
  offerClasses(elements.class, labels, order, `Predicted class: ${labels[order[0]]}`, state.target);
  offerClasses(elements.other, labels, order, `Least likely class: ${labels[order.at(-1)]}`, state.other);
  showProbabilities(elements.class, labels, base);
  showProbabilities(elements.other, labels, base);
  probable = undefined;
}

function showNumbers({logits, shares}) {
  const {labels, files: {[state.method]: {layers}}} = network();
  const index = target();
  if (probable !== input) showProbabilities(elements.class, labels, logits);
  probable = input;
  const words = [`Logit of ${labels[index]}: ${logits[index].toFixed(2)} (${percent(softmax(logits)[index])})`];
  if (region.share) words.push(`of the whole picture: ${base[index].toFixed(2)} (${percent(softmax(base)[index])})`);
  find(".logit").textContent = words.join("; ");
  find(".covered-share").textContent = region.share ? `${(100 * region.share).toFixed(1)} % covered` : "";
  find(".shares").hidden = !shares;
  if (!shares) return;
  showShares(find(".shares dl"), layers, shares);
  const closed = closedLayer(layers, shares);
  find(".closed").textContent = closed ? `No unit passes “${closed}”, so the map is all zero. Lower q.` : "";
}

function changed({target: {name, value, checked}}) {
  if (name === "own" || name === "picture") return;
  complain("");
  if (name === "q") {
    state.q = Number(value);
    showPercentile();
  } else if (name === "network") {
    Object.assign(state, {network: value, target: null, other: null});
    fit();
  } else if (name === "class") state.target = value === "" ? null : Number(value);
  else if (name === "other") state.other = value === "" ? null : Number(value);
  else if (name === "method") state.method = value;
  else if (name === "another" || name === "random") state[name] = checked;
  else return;
  show();
  update();
}

// Show the picture that `read` gives, unless one that the reader asked for later is shown already.
// `chosen` is its name if the reader has chosen it: the choices for the picture before are forgotten.
async function open(read, chosen) {
  const order = ++asked;
  complain("");
  try {
    const found = await read();
    if (order < shown) return;
    shown = order;
    picture = found;
    if (chosen) {
      Object.assign(state, {picture: chosen, target: null, other: null});
      region.clear();
    }
    fit();
  } catch (error) {
    if (order === asked) complain(error.message);
  }
  show();
  await update();
}

function openOwn(file) {
  if (file) open(() => decode(file, file.name), OWN);
}

function painted() {
  renewInput();
  update();
}

function report() {
  const {labels, files: {[state.method]: {layers}}} = network();
  const maps = figures.list(state).map(({title, column, correlation, result}) => ({
    title, network: column.network, method: column.method, class: column.target, percentile: column.percentile,
    rank_correlation: correlation, map: Array.from(result.values, Math.fround),
  }));
  const {logits, shares} = figures.result(state.method);
  return {
    ...state, class: target(), class_name: labels[target()], side: seen.side, covered: region.letters,
    logits: Array.from(logits), layers, shares: shares && Array.from(shares), maps,
  };
}

function listen() {
  find("form").addEventListener("submit", (event) => event.preventDefault());
  find("form").addEventListener("input", changed);
  find(".load").addEventListener("click", load);
  elements.own.addEventListener("change", ({target: {files: [file]}}) => openOwn(file));
  for (const radio of place.querySelectorAll("[name=picture]")) {
    radio.addEventListener("change", () => open(() => preparedPicture(radio.value), radio.value));
  }
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    openOwn(event.dataTransfer.files[0]);
  });
  const settings = () => ({size: Number(elements.size.value), uncovers: elements.uncovers.checked});
  new Brush(find(".picture canvas"), region, settings, painted);
  find(".clear").addEventListener("click", () => {
    region.clear();
    painted();
  });
  const name = () => `rectgrad-${state.network}-${state.picture}-q${state.q}`;
  const seenByNetwork = () => ({
    canvas: find(".picture canvas"),
    title: ["Picture", find(".covered-share").textContent].filter(Boolean).join(", "),
    note: find(".logit").textContent.split(";")[0],
  });
  const whenComplete = (save) => async () => {
    await update();
    remember();
    if (figures.list(state).length) save();
  };
  find(".png").addEventListener("click", whenComplete(() => savePng([seenByNetwork(), ...figures.list(state)], name())));
  find(".json").addEventListener("click", whenComplete(() => saveJson(report(), name())));
  find(".copy").addEventListener("click", async () => {
    remember();
    await navigator.clipboard.writeText(location.href);
    say("The link is copied.");
  });
  // Other fragments are headings of the page.
  addEventListener("hashchange", () => location.hash.includes("=") && restore());
}

// The state of the address, as a link gives it.
async function restore() {
  const read = readFragment(location.hash.slice(1), description, region);
  const isAsked = new URLSearchParams(location.hash.slice(1)).has("load");
  state = read.state;
  await open(() => preparedPicture(state.picture));
  if (read.problems.length) complain(read.problems.join(" "));
  if (isAsked) await load();
}

async function start() {
  try {
    const answer = await fetch(files("networks.json"));
    if (!answer.ok) throw new Error();
    description = await answer.json();
  } catch {
    complain("networks.json could not be loaded. Reload the page.");
    return;
  }
  offerChoices(place, description, files);
  listen();
  find("form").hidden = false;
  await restore();
}

start();
