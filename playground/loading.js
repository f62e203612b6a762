// The download of a network, with its size and its progress.

export function filesOf(state, description, loaded) {
  const {networks} = description;
  const names = [state.network, networks[state.network].control].filter((name) => !loaded.has(name));
  const bytes = names.flatMap((name) => Object.values(networks[name].files)).reduce((sum, file) => sum + file.bytes, 0);
  return {
    networks: Object.fromEntries(names.map((name) => [name, networks[name]])),
    bytes: bytes + (loaded.size ? 0 : description.runtime.bytes),
  };
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

// Load what a state needs. `progress` is the element that shows how much has arrived.
export async function loadNetworks(worker, state, description, loaded, progress) {
  const {networks, bytes} = filesOf(state, description, loaded);
  const names = Object.keys(networks);
  if (!names.length) return;
  let received = 0;
  progress.hidden = false;
  progress.value = 0;
  progress.max = bytes;
  try {
    await worker.call("load", {networks}, (part) => (progress.value = received += part));
  } finally {
    progress.hidden = true;
  }
  for (const name of names) loaded.add(name);
}
