// Bytes waiting for more: an unfinished head, or requests sent ahead.

/** Grows by doubling, so that bytes fed one at a time cost no more than their number. */
export class ByteQueue {
  #store: Buffer | undefined;
  length = 0;

  append(bytes: Buffer, start: number): void {
    const added = bytes.length - start;
    const need = this.length + added;
    if (!this.#store || need > this.#store.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(512, need, this.length * 2));
      this.#store?.copy(grown, 0, 0, this.length);
      this.#store = grown;
    }
    bytes.copy(this.#store, this.length, start);
    this.length = need;
  }

  /** The empty queue begins with bytes that are nobody else's, without a copy. */
  adopt(bytes: Buffer): void {
    this.#store = bytes;
    this.length = bytes.length;
  }

  /** What is there. Valid until the next append. */
  view(): Buffer {
    return this.#store ? this.#store.subarray(0, this.length) : Buffer.alloc(0);
  }

  /** What is there, given away: the queue is empty and keeps nothing of it. */
  take(): Buffer {
    const bytes = this.view();
    this.#store = undefined;
    this.length = 0;
    return bytes;
  }
}
