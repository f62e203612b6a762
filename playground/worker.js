// The work that would make the slider jerk: the networks, and the ranks of their maps.
import {unitRanks} from "./ranks.js";
import {load, run} from "./sessions.js";

async function explain({network, method, image, side, target, percentile}) {
  const {logits, map, shares} = await run(network, method, image, side, target, percentile);
  const values = channelSum(map);
  return {logits, shares, values, ranks: unitRanks(values)};
}

function channelSum(map) {
  const count = map.length / 3;
  return Float64Array.from({length: count}, (_, pixel) => map[pixel] + map[pixel + count] + map[pixel + 2 * count]);
}

const TASKS = {
  load: ({networks}, id) => load(networks, (bytes) => self.postMessage({id, bytes})),
  explain,
};

self.addEventListener("message", async ({data: {id, task, given}}) => {
  try {
    self.postMessage({id, result: await TASKS[task](given, id)});
  } catch (error) {
    self.postMessage({id, error: error.message});
  }
});
