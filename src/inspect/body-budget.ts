// How many bytes of bodies a gate holds at once for its rules, over all connections of a listener.
//
// Held bodies are the caller's to begin and the gate's to keep, so who has proven nothing must not use up the room of those
// who have: callers without a certificate share half of it, and one source of theirs has a quarter.

/** Of one connection. */
export type BodyAccount = {
  /** @returns false where no more may be held; nothing is taken then */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** Gives back whatever was taken and not given: the connection is over. */
  close(): void;
};

export type BodyBudget = {
  /**
   * @param source whose, where it has no certificate and does not come from a control plane; undefined: all of the room is open
   * @param limit bytes in all
   */
  account(source: string | undefined, limit: number): BodyAccount;
  readonly held: number;
};

export function createBodyBudget(): BodyBudget {
  let all = 0;
  let unproven = 0;
  const sources = new Map<string, number>();

  function add(source: string | undefined, bytes: number): void {
    all += bytes;
    if (source === undefined) return;
    unproven += bytes;
    const now = (sources.get(source) ?? 0) + bytes;
    if (now === 0) sources.delete(source);
    else sources.set(source, now);
  }

  function hasRoom(source: string | undefined, bytes: number, limit: number): boolean {
    if (all + bytes > limit) return false;
    if (source === undefined) return true;
    return unproven + bytes <= limit / 2 && (sources.get(source) ?? 0) + bytes <= limit / 4;
  }

  return {
    account(source, limit) {
      let own = 0;
      const give = (bytes: number) => {
        own -= bytes;
        add(source, -bytes);
      };
      return {
        take(bytes) {
          if (!hasRoom(source, bytes, limit)) return false;
          own += bytes;
          add(source, bytes);
          return true;
        },
        give,
        close: () => give(own),
      };
    },
    get held() {
      return all;
    },
  };
}
