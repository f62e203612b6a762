// The networks in the runtime: one session for each network and method, with the weights read once.
import * as ort from "./vendor/ort.wasm.min.mjs";
import {download} from "./download.js";

const here = (file) => new URL(file, import.meta.url).href;
const RUNTIME = "vendor/ort-wasm-simd-threaded.wasm.gz";
const PREDICTED = -1n;
const THREADS = 4;

let runtime;
const weights = new Map(); // by the name of their file
const sessions = new Map();

// Threads need memory that they share, which browsers give to isolated pages alone.
async function start(onBytes) {
  ort.env.wasm.wasmBinary = (await download(here(RUNTIME), onBytes)).buffer;
  ort.env.wasm.wasmPaths = {mjs: here("vendor/ort-wasm-simd-threaded.mjs")};
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(THREADS, navigator.hardwareConcurrency) : 1;
}

function started(onBytes) {
  runtime ??= start(onBytes).catch((error) => {
    runtime = undefined;
    throw error;
  });
  return runtime;
}

// `networks` has the description in networks.json of each network to load, by name.
export async function load(networks, onBytes) {
  await started(onBytes);
  for (const [name, {files, side}] of Object.entries(networks)) {
    const {weights: {file}, ...graphs} = files;
    if (!weights.has(file)) weights.set(file, await download(here(file), onBytes));
    for (const [method, graph] of Object.entries(graphs)) {
      const key = `${name} ${method}`;
      if (sessions.has(key)) continue;
      const bytes = await download(here(graph.file), onBytes);
      sessions.set(key, await session(bytes, graph.file, file, weights.get(file)));
    }
    // The first pass is slow, since the browser compiles what it runs.
    await run(name, "rectgrad", new Float32Array(3 * side * side), side, null, 98);
  }
}

async function session(graph, file, path, data) {
  try {
    return await ort.InferenceSession.create(graph, {
      executionProviders: ["wasm"],
      externalData: [{path, data}],
    });
  } catch (error) {
    weights.delete(path); // they may be what is damaged: the next try downloads them again
    throw new Error(
      `${file} or ${path} is no network that the runtime can read: it is damaged or incomplete ` +
      `(${String(error.message ?? error).split("\n")[0].slice(0, 120)}). Reload the page without its cache.`,
    );
  }
}

// `target` is the index of a class, or null for the predicted class.
export async function run(network, method, image, side, target, percentile) {
  const found = sessions.get(`${network} ${method}`);
  const feeds = {
    image: new ort.Tensor("float32", image, [1, 3, side, side]),
    class: new ort.Tensor("int64", [target === null ? PREDICTED : BigInt(target)], [1]),
  };
  if (found.inputNames.includes("percentile")) {
    feeds.percentile = new ort.Tensor("float64", new Float64Array([percentile]), [1]);
  }
  const {logits, map, shares} = await found.run(feeds);
  return {logits: logits.data, map: map.data, shares: shares?.data ?? null};
}
