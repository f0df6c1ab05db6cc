// Looks for a new bundle at one URL, again and again. Whatever goes wrong is told, and what is in force stays.
import { timestamp } from '../base/clock.ts';
import { describeFailure } from '../base/failure.ts';
import type { BundleSource } from '../model/bundle.ts';
import { fetchBundle } from '../platform/bundle-source.ts';
import { shownUrl } from '../platform/fetch-text.ts';
import { useBundle } from './bundles.ts';
import type { Core } from './core.ts';
import type { Reconciler } from './reconcile.ts';

export type BundleWatch = {
  status(): { readonly bundleSource?: BundleSource };
  close(): void;
};

/** @param source none: nothing is looked for. The first look is at once. */
export function createBundleWatch(
  core: Core,
  reconciler: Reconciler,
  source: { readonly url: string; readonly everySeconds: number; readonly shadow?: boolean } | undefined,
  note: (line: string) => void,
): BundleWatch {
  if (!source) return { status: () => ({}), close: () => {} };
  const { url, everySeconds, shadow = false } = source;
  const shown = shownUrl(url);
  const end = new AbortController();
  let checkedAt: number | undefined;
  let looking = false;
  void look();
  const timer = setInterval(() => void look(), everySeconds * 1000);
  return {
    status() {
      const { fetchError: error } = core.state.bundles;
      return {
        bundleSource: {
          url: shown,
          ...(checkedAt === undefined ? {} : { checkedAt: timestamp(checkedAt) }),
          ...(error === undefined ? {} : { error }),
        },
      };
    },
    close() {
      clearInterval(timer);
      end.abort();
    },
  };

  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    let error: string | undefined;
    try {
      const { text, signature } = await fetchBundle(url, end.signal);
      if (end.signal.aborted) return;
      const request = { place: shown, text, signature, shadow, dryRun: false };
      const { outcome, warnings } = useBundle(core, request, 'controller');
      for (const line of outcome === 'used' ? warnings : []) note(`warning: ${line}`);
      if (outcome === 'used') reconciler.run();
    } catch (cause) {
      if (end.signal.aborted) return;
      error = describeFailure(cause);
    } finally {
      looking = false;
    }
    checkedAt = core.clock.now();
    if (error === core.state.bundles.fetchError) return;
    if (error !== undefined) note(`warning: no new bundle from ${shown}: ${error}`);
    const data = { what: 'fetch', ...(error === undefined ? {} : { error }) };
    core.record([{ kind: 'bundle', actor: 'controller', subject: shown, data }]);
  }
}
