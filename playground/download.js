// Files of the site, with their progress. Files that end in .gz are decompressed here, since not every web
// server does it.

// `onBytes` is called with the number of bytes of each part.
export async function download(address, onBytes = () => {}) {
  const name = new URL(address).pathname.split("/").pop();
  let parts;
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    parts = await read(answer.body.getReader(), onBytes);
  } catch (error) {
    throw new Error(`${name} could not be loaded (${error.message}). Check the connection and load the network again.`);
  }
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return isGzip(bytes) ? decompressed(bytes, name) : bytes;
}

async function read(reader, onBytes) {
  const parts = [];
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return parts;
    parts.push(value);
    onBytes(value.length);
  }
}

function isGzip(bytes) {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function decompressed(bytes, name) {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new Error(`${name} is damaged: it cannot be decompressed. Reload the page without its cache.`);
  }
}
