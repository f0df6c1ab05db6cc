// How many bytes of bodies a gate holds at once for its rules, over all connections of a listener and of one source.

/** Of one connection. */
export type BodyAccount = {
  /** @returns false where no more may be held; nothing is taken then */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** Gives back whatever was taken and not given: the connection is over. */
  close(): void;
};

export type BodyBudget = {
  /** @param limit bytes in all; a quarter of them for one source */
  account(source: string, limit: number): BodyAccount;
  readonly held: number;
};

export function createBodyBudget(): BodyBudget {
  let all = 0;
  const sources = new Map<string, number>();

  function add(source: string, bytes: number): void {
    all += bytes;
    const now = (sources.get(source) ?? 0) + bytes;
    if (now === 0) sources.delete(source);
    else sources.set(source, now);
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
          if (all + bytes > limit || (sources.get(source) ?? 0) + bytes > limit / 4) return false;
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
