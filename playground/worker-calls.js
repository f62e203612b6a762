// Calls of the worker as promises.

export class WorkerCalls {
  #worker = new Worker(new URL("worker.js", import.meta.url), {type: "module"});
  #calls = new Map();
  #last = 0;

  constructor() {
    this.#worker.addEventListener("message", ({data}) => this.#answer(data));
    this.#worker.addEventListener("error", () => this.#fail("a file of the page could not be loaded. Reload the page."));
  }

  // `onBytes` is called with the number of bytes of each downloaded part.
  call(task, given, onBytes) {
    const id = ++this.#last;
    this.#worker.postMessage({id, task, given});
    return new Promise((resolve, reject) => this.#calls.set(id, {resolve, reject, onBytes}));
  }

  #answer({id, bytes, result, error}) {
    const {resolve, reject, onBytes} = this.#calls.get(id);
    if (bytes !== undefined) return onBytes(bytes);
    this.#calls.delete(id);
    return error === undefined ? resolve(result) : reject(new Error(error));
  }

  #fail(reason) {
    for (const {reject} of this.#calls.values()) reject(new Error(reason));
    this.#calls.clear();
  }
}
