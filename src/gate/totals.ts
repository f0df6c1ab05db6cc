// The numbers of several workers as one gate's. What a worker counted stays counted when it is gone; what it had open does
// not. A time is the longest of them.

import { metricOf } from './metric-table.ts';

type Totals = {
  /** Of a worker that is gone. */
  keep(counts: Readonly<Record<string, number>>): void;
  /** With those of the workers that live. */
  sum(living: readonly Readonly<Record<string, number>>[]): Record<string, number>;
};

export function createTotals(): Totals {
  const kept = new Map<string, number>();
  return {
    keep(counts) {
      for (const [name, value] of Object.entries(counts)) {
        if (onlyRises(name)) kept.set(name, (kept.get(name) ?? 0) + value);
      }
    },
    sum(living) {
      const all = new Map(kept);
      for (const counts of living) {
        for (const [name, value] of Object.entries(counts)) all.set(name, join(name, all.get(name), value));
      }
      return Object.fromEntries(all);
    },
  };
}

/** By Prometheus' conventions for names; labels come after the name. */
function onlyRises(name: string): boolean {
  return /^[a-z0-9_]+_(total|count|sum|bucket)(\{|$)/.test(name);
}

function join(name: string, sum: number | undefined, value: number): number {
  if (sum === undefined) return value;
  return metricOf(name)?.across === 'max' ? Math.max(sum, value) : sum + value;
}
