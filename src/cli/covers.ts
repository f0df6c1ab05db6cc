// How many flaws have what before them, in words.
import type { Cover } from '../model/cover.ts';

/** In the order in which they are told of: what asks for a decision first. */
const words: Readonly<Record<Cover, string>> = {
  waits: 'wait for your word',
  shadow: 'in shadow',
  none: 'without a shield',
  alert: 'only told of',
  acts: 'acted on',
};

/** `9 wait for your word (2 major), 14 in shadow, 4 without a shield`. */
export function coverCounts(all: readonly { readonly cover: Cover; readonly severity: string }[]): string {
  return (Object.keys(words) as Cover[])
    .flatMap((cover) => {
      const of = all.filter((one) => one.cover === cover);
      const grave = ['critical', 'major'].flatMap((severity) => {
        const count = of.filter((one) => one.severity === severity).length;
        return count === 0 ? [] : [`${count} ${severity}`];
      });
      const told = cover === 'acts' || grave.length === 0 ? '' : ` (${grave.join(', ')})`;
      return of.length === 0 ? [] : [`${of.length} ${words[cover]}${told}`];
    })
    .join(', ');
}
