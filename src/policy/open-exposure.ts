// Which flaws are something left undone.
import type { ExposedServer } from '../model/api.ts';

/**
 * Does nothing stand before what somebody could end: by an upgrade, or by the word that a shield waits for? What no release
 * is without and a shield only looks on at is told of, and is nothing left undone.
 */
export function isOpen({ cover, unfixed }: Pick<ExposedServer, 'cover' | 'unfixed'>): boolean {
  return cover === 'waits' || (cover !== 'acts' && !unfixed);
}
