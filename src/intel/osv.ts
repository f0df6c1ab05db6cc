// OSV records (https://ossf.github.io/osv-schema/, 1.6) → advisories.
import { z } from 'zod';
import { Advisory, AdvisoryId, type Component } from '../model/advisory.ts';
import type { Severity } from '../model/common.ts';
import { cvssBaseScore, severityOf } from './cvss.ts';
import { applyOverlay } from './overlay.ts';
import { type RangeEvent, rangesFromEvents } from './ranges.ts';
import {
  checkRecord,
  componentNamed,
  componentOfModule,
  firstLine,
  publishedAt,
  readVersion,
  refuseRecord,
  webLinks,
} from './record.ts';

/** What we read of a record. Loose: sources add members of their own. Limits bound what a hostile record costs. */
const Scores = z.array(z.looseObject({ type: z.string(), score: z.string().max(500) })).max(20);
const OsvEvent = z.looseObject({
  introduced: z.string().max(100).optional(),
  fixed: z.string().max(100).optional(),
  last_affected: z.string().max(100).optional(),
  limit: z.string().max(100).optional(),
});
const OsvRange = z.looseObject({ type: z.string(), events: z.array(OsvEvent).min(1).max(1000) });
const OsvRecord = z.looseObject({
  id: z.string().max(200),
  aliases: z.array(z.string().max(200)).max(100).default([]),
  withdrawn: z.string().optional(),
  published: z.string().max(100).optional(),
  summary: z.string().max(10_000).default(''),
  details: z.string().max(1_000_000).default(''),
  severity: Scores.default([]),
  /** As GitHub's records have it, for what nobody has scored. */
  database_specific: z.looseObject({ severity: z.string().max(20).optional() }).optional(),
  affected: z
    .array(
      z.looseObject({
        package: z.looseObject({ ecosystem: z.string().max(200), name: z.string().max(300) }),
        severity: Scores.default([]),
        ranges: z.array(OsvRange).max(100).default([]),
        versions: z.array(z.string().max(100)).max(10_000).default([]),
      }),
    )
    .min(1)
    .max(200),
  references: z
    .array(z.looseObject({ url: z.string().max(2000) }))
    .max(500)
    .default([]),
});
type OsvAffected = z.infer<typeof OsvRecord>['affected'][number];

/**
 * Reads one OSV record, and applies our corrections to it (overlay.ts).
 * @param record the parsed JSON
 * @param place where it came from, a file or URL
 * @throws Failure `bad-advisory` with the reason and the field
 */
export function parseOsv(record: unknown, place: string): Advisory {
  const osv = checkRecord(OsvRecord, record, 'an OSV record', place);
  if (osv.withdrawn !== undefined) throw refuseRecord(place, 'withdrawn', 'the record was withdrawn');
  const vectors = [...osv.severity, ...osv.affected.flatMap(({ severity }) => severity)];
  const scores = vectors.flatMap(({ score }) => cvssBaseScore(score) ?? []);
  const cvss = scores.length > 0 ? Math.max(...scores) : undefined;
  return applyOverlay(
    Advisory.parse({
      id: advisoryId(osv, place),
      summary: firstLine(osv.summary) || firstLine(osv.details) || osv.id,
      severity: (cvss === undefined && words.get(osv.database_specific?.severity ?? '')) || severityOf(cvss),
      ...(cvss === undefined ? {} : { cvss }),
      affected: osv.affected.map((affected, i) => ({
        component: componentOf(affected.package.ecosystem, affected.package.name),
        package: affected.package.name,
        ranges: rangesOf(affected, `affected[${i}]`, place),
      })),
      references: webLinks(osv.references.map(({ url }) => url)),
      ...publishedAt(osv.published),
      source: { format: 'osv', place },
    } satisfies z.input<typeof Advisory>),
  );
}

const words: ReadonlyMap<string, Severity> = new Map([
  ['LOW', 'warning'],
  ['MODERATE', 'minor'],
  ['HIGH', 'major'],
  ['CRITICAL', 'critical'],
]);

/** The CVE, where a record of another source names exactly one: shields are known by it. */
function advisoryId({ id, aliases }: { id: string; aliases: readonly string[] }, place: string): string {
  const cves = [...new Set(aliases.filter((alias) => /^CVE-\d{4}-\d{4,}$/.test(alias)))];
  const chosen = !id.startsWith('CVE-') && cves.length === 1 ? (cves[0] ?? id) : id;
  if (!AdvisoryId.safeParse(chosen).success) throw refuseRecord(place, 'id', 'not the id of an advisory');
  return chosen;
}

/**
 * `k8s.io/apiserver` and `kube-apiserver` of ecosystem `kubernetes` are the API server, and so on. In `Go` the same names
 * are modules with versions of their own, 0.x, which say nothing about a server; only those count that are versioned as the
 * program is.
 */
function componentOf(ecosystem: string, name: string): Component {
  if (ecosystem === 'Go') return componentOfModule(name);
  if (ecosystem.toLowerCase() !== 'kubernetes') return 'other';
  return componentNamed(name);
}

function rangesOf(
  affected: OsvAffected,
  field: string,
  place: string,
): Advisory['affected'][number]['ranges'] {
  const events: RangeEvent[] = [];
  affected.ranges.forEach(({ type, events: own }, i) => {
    if (type === 'GIT') return; // commits: a server doesn't tell which it has
    if (type !== 'SEMVER' && type !== 'ECOSYSTEM') {
      throw refuseRecord(place, `${field}.ranges[${i}].type`, `'${type}' is no type of range that is known`);
    }
    own.forEach((event, j) => {
      events.push(...readEvent(event, `${field}.ranges[${i}].events[${j}]`, place));
    });
  });
  if (events.length === 0) {
    for (const [i, text] of affected.versions.entries()) {
      const version = readVersion(text, `${field}.versions[${i}]`, place);
      events.push({ kind: 'introduced', version }, { kind: 'lastAffected', version });
    }
  }
  if (events.length === 0) throw refuseRecord(place, field, 'it names no versions');
  if (!events.some(({ kind }) => kind === 'introduced')) {
    throw refuseRecord(place, field, 'no event says where it was introduced');
  }
  return rangesFromEvents(events);
}

function readEvent(event: z.infer<typeof OsvEvent>, field: string, place: string): RangeEvent[] {
  const found: RangeEvent[] = [];
  const add = (kind: RangeEvent['kind'], text: string | undefined): void => {
    if (text !== undefined) found.push({ kind, version: readVersion(text, field, place) });
  };
  add('introduced', event.introduced);
  add('fixed', event.fixed);
  add('lastAffected', event.last_affected);
  if (found.length === 1) return found;
  if (found.length === 0 && event.limit !== undefined) return [];
  throw refuseRecord(place, field, 'an event has exactly one of introduced, fixed, last_affected and limit');
}
