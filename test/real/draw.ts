// Random choices from a seed.

export class Draw {
  #state: number;
  /** How odd what is drawn is to be: 0 to 1. Of a body with many oddities a server takes none. */
  level = 1;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  odd(share: number): boolean {
    return this.next() < share * this.level;
  }

  /** One of so many oddities, each as rare as the share says; -1 for none. */
  oddity(kinds: number, share: number): number {
    const at = this.next() / (share * this.level || Number.MIN_VALUE);
    return at < kinds ? Math.floor(at) : -1;
  }

  /** Both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  of<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.next() * choices.length)] as T;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.between(0, i);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }
}
