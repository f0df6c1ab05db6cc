// From what the log says of bundles to their shields. What was proven when a bundle was taken up is not proven again.
import { describeFailure, Failure } from '../base/failure.ts';
import { sha256 } from '../log/chain.ts';
import type { Shield } from '../model/shield.ts';
import { bundleShields, readBundle } from '../shields/bundle.ts';
import { type BundleState, type BundleUse, type Standing, standing } from './bundle-state.ts';

export type BundleReader = (
  state: BundleState,
  /** Documents that are not in the log yet. */
  documents: readonly string[],
) => { readonly standing: Standing; readonly shields: readonly Shield[] };

/**
 * A bundle that this program can't read (the log is an older one's, or its document is gone) is void, and the one before
 * it stands: that is told, and is no reason not to start.
 */
export function createBundleReader(document: (hash: string) => string | undefined): BundleReader {
  const known = new Map<string, readonly Shield[] | string>();
  return (state, documents) => {
    const unusable = new Map<string, string>();
    for (;;) {
      const stands = standing(state, unusable);
      const read = stands.inForce.map((use) => [use, shieldsOf(use, documents)] as const);
      const broken = read.flatMap(([use, found]) =>
        typeof found === 'string' ? [[use, found] as const] : [],
      );
      if (broken.length === 0) {
        const shields = read.flatMap(([, found]) => (typeof found === 'string' ? [] : found));
        return { standing: stands, shields };
      }
      for (const [use, why] of broken) unusable.set(use.document, why);
    }
  };

  function shieldsOf(use: BundleUse, documents: readonly string[]): readonly Shield[] | string {
    const hash = use.document;
    const present = known.get(hash);
    if (present !== undefined) return present;
    const text = documents.find((item) => sha256(item) === hash) ?? document(hash);
    if (text === undefined) return 'the log lacks its document';
    const found = read(text, `bundle ${use.name} ${use.version}`);
    known.set(hash, found);
    return found;
  }
}

function read(text: string, place: string): readonly Shield[] | string {
  try {
    return bundleShields(readBundle(Buffer.from(text), place), place, 'parsed');
  } catch (error) {
    if (error instanceof Failure) return describeFailure(error);
    throw error;
  }
}
