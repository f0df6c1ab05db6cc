// How fast the body of a request comes, minute by minute.

export type BodyPace = {
  received(bytes: number): void;
  /** No body is being read. */
  over(): void;
  /**
   * To be asked every second or so while a body is read. A minute counts only when the caller could send all through it.
   * @param now milliseconds
   * @returns whether the minute that ends now brought too little
   */
  tooSlow(now: number, paused: boolean): boolean;
};

const minuteMs = 60_000;

/** @param least bytes that a minute has to bring */
export function createBodyPace(least: number): BodyPace {
  /** When the running minute began; 0 for none. */
  let since = 0;
  let received = 0;
  return {
    received(bytes) {
      received += bytes;
    },
    over() {
      since = 0;
    },
    tooSlow(now, paused) {
      if (since !== 0 && !paused && now - since < minuteMs) return false;
      const slow = since !== 0 && !paused && received < least;
      since = paused ? 0 : now;
      received = 0;
      return slow;
    },
  };
}
