// Time as a process has it: what goes by while it is not let run, by other processes or because the whole host stands still, is
// held against nobody.

/**
 * A clock from `now` on, milliseconds, to be looked at again and again.
 * @param mostMs what the time between two looks counts for at most
 */
export function createOwnTime(now: () => number, mostMs: number): () => number {
  let own = now();
  let looked = own;
  return () => {
    const at = now();
    own += Math.min(at - looked, mostMs);
    looked = at;
    return own;
  };
}
