// Records of stackrox/k8s-cves (YAML, one flaw a file) → advisories.
import { z } from 'zod';
import { compareVersions, type Version } from '../base/version.ts';
import { Advisory, AdvisoryId } from '../model/advisory.ts';
import { readDocument } from '../model/document.ts';
import { cvssBaseScore, severityOf } from './cvss.ts';
import { applyOverlay } from './overlay.ts';
import { firstVersion, type RangeEvent, rangesFromEvents } from './ranges.ts';
import { componentNamed, firstLine, printable, readVersion, refuseRecord, webLinks } from './record.ts';

const Score = z.looseObject({
  scoreV3: z.number().min(0).max(10).optional(),
  vectorV3: z.string().max(500).optional(),
});
const StackroxRecord = z.looseObject({
  cve: AdvisoryId,
  url: z.string().max(2000).optional(),
  issueUrl: z.string().max(2000).optional(),
  description: z.string().max(1_000_000),
  components: z.array(z.string().max(300)).max(100).default([]),
  cvss: z.looseObject({ nvd: Score.optional(), kubernetes: Score.optional() }),
  affected: z
    .array(z.looseObject({ range: z.string().max(200), fixedBy: z.string().max(100).optional() }))
    .min(1)
    .max(200),
});

/**
 * Kubernetes' own score goes before NVD's. `fixedBy` is believed over the upper end of `range`, which is often written as
 * the last affected version. A record without components is about Kubernetes, which part it doesn't say.
 * @throws Failure `bad-advisory`, `bad-yaml` with the field
 */
export function parseStackrox(text: string, place: string): Advisory {
  const record = readDocument(StackroxRecord, text, place, 'bad-advisory');
  const score = record.cvss.kubernetes ?? record.cvss.nvd;
  const cvss = cvssBaseScore(score?.vectorV3 ?? '') ?? score?.scoreV3;
  const ranges = rangesFromEvents(
    record.affected.flatMap(({ range, fixedBy }, i) => rangeEvents(range, fixedBy, `affected[${i}]`, place)),
  );
  if (ranges.length === 0) throw refuseRecord(place, 'affected', 'it names no affected versions');
  const names = record.components.length > 0 ? record.components : ['kubernetes'];
  return applyOverlay(
    Advisory.parse({
      id: record.cve,
      summary: firstLine(record.description) || record.cve,
      severity: severityOf(cvss),
      ...(cvss === undefined ? {} : { cvss }),
      affected: names.map((name) => ({ component: componentNamed(name), package: firstLine(name), ranges })),
      references: webLinks([record.issueUrl, record.url]),
      source: { format: 'stackrox', place },
    } satisfies z.input<typeof Advisory>),
  );
}

/** `>= 1.9.0, <= 1.9.3`, each bound at most once, or one version. */
function rangeEvents(range: string, fixedBy: string | undefined, field: string, place: string): RangeEvent[] {
  let lower: Version | undefined;
  let upper: RangeEvent | undefined;
  const refuse = () => refuseRecord(place, `${field}.range`, `'${printable(range)}' is no range of versions`);
  for (const part of range.split(',')) {
    const found = /^\s*(>=|<=|<|=)?\s*(\S+)\s*$/.exec(part);
    if (!found) throw refuse();
    const [, operator = '=', version = ''] = found;
    const bound = readVersion(version, `${field}.range`, place);
    if (operator === '>=' || operator === '=') {
      if (lower) throw refuse();
      lower = bound;
    }
    if (operator !== '>=') {
      if (upper) throw refuse();
      upper = { kind: operator === '<' ? 'fixed' : 'lastAffected', version: bound };
    }
  }
  const end: RangeEvent | undefined =
    fixedBy === undefined
      ? upper
      : { kind: 'fixed', version: readVersion(fixedBy, `${field}.fixedBy`, place) };
  const start = lower ?? firstVersion;
  // `>= 1.14, < 1.14.0`: pre-releases, which the ranges of the branch before hold already.
  if (end?.kind === 'fixed' && compareVersions(start, end.version) >= 0) return [];
  return [{ kind: 'introduced', version: start }, ...(end ? [end] : [])];
}
