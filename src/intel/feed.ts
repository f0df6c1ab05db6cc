// Items of the official Kubernetes CVE feed (JSON Feed 1.1) → advisories. The feed names no versions: an item says that a
// flaw exists, where to read of it, and whether it will be fixed.
import { z } from 'zod';
import { Advisory, AdvisoryId } from '../model/advisory.ts';
import { severityOf } from './cvss.ts';
import { applyOverlay } from './overlay.ts';
import { checkRecord, firstLine, webLinks } from './record.ts';

export const FeedItem = z.looseObject({
  id: AdvisoryId,
  summary: z.string().max(10_000).default(''),
  url: z.string().max(2000).optional(),
  external_url: z.string().max(2000).optional(),
  status: z.enum(['open', 'fixed', 'unfixed', 'unknown']).default('unknown'),
  _kubernetes_io: z.looseObject({ google_group_url: z.string().max(2000).optional() }),
});

/** The whole feed; items are checked one by one, so that a bad one doesn't cost the others. */
const Feed = z.looseObject({
  version: z.string().regex(/^https:\/\/jsonfeed\.org\/version\/1(\.1)?$/, 'not a JSON Feed 1.1'),
  items: z.array(z.unknown()).max(10_000),
});

/** @throws Failure `bad-advisory` */
export function feedItems(feed: unknown, place: string): readonly unknown[] {
  return checkRecord(Feed, feed, 'a JSON Feed', place).items;
}

/**
 * `unfixed` is the project's word that no version will have a fix: every version of Kubernetes is affected. Of any other
 * item the versions are not known, and nothing is said of a server until another source names them.
 * @throws Failure `bad-advisory`
 */
export function parseFeedItem(item: unknown, place: string): Advisory {
  const read = checkRecord(FeedItem, item, 'an item of the Kubernetes CVE feed', place);
  const ranges = read.status === 'unfixed' ? [{ introduced: '0.0.0' }] : undefined;
  return applyOverlay(
    Advisory.parse({
      id: read.id,
      summary: firstLine(read.summary) || read.id,
      severity: severityOf(undefined),
      affected: ranges ? [{ component: 'kubernetes', package: 'kubernetes', ranges }] : [],
      references: webLinks([read.url, read.external_url, read._kubernetes_io.google_group_url]),
      source: { format: 'feed', place },
    } satisfies z.input<typeof Advisory>),
  );
}
