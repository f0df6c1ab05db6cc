// Work that costs about the same for many things as for one: what comes in one turn of the event loop is done together.

/** Resolves when the item's batch is done; rejects for every item of a batch whose work threw. */
export function inBatches<T>(work: (items: readonly T[]) => void): (item: T) => Promise<void> {
  let waiting: { readonly items: T[]; readonly done: Promise<void> } | undefined;
  return (item) => {
    if (!waiting) {
      const items: T[] = [];
      const done = new Promise<void>((resolve, reject) => {
        setImmediate(() => {
          waiting = undefined;
          try {
            resolve(work(items));
          } catch (error) {
            reject(error);
          }
        });
      });
      waiting = { items, done };
    }
    waiting.items.push(item);
    return waiting.done;
  };
}
