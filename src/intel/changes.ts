// What a newly read record would change in what is known of its flaw.
import { canonicalJson } from '../base/canonical-json.ts';
import type { Advisory, AdvisoryChange, VersionRange } from '../model/advisory.ts';

/**
 * The official feed, which has neither versions nor scores, never takes the place of a source that has. The same content
 * found elsewhere changes nothing.
 */
export function changeOf(known: Advisory | undefined, next: Advisory): AdvisoryChange {
  if (!known) return { outcome: 'added', changes: [] };
  if (next.source.format === 'feed' && known.source.format !== 'feed' && known.affected.length > 0) {
    return { outcome: 'unchanged', changes: [] };
  }
  const changes = [
    difference('severity', severityText(known), severityText(next)),
    difference('affected', affectedText(known), affectedText(next)),
    difference('summary', known.summary, next.summary),
    difference('references', known.references.join(' '), next.references.join(' ')),
    difference('corrections', known.corrections.join('; '), next.corrections.join('; ')),
  ].flatMap((change) => change ?? []);
  if (changes.length > 0) return { outcome: 'changed', changes };
  const same = canonicalJson({ ...known, source: next.source }) === canonicalJson(next);
  return same ? { outcome: 'unchanged', changes } : { outcome: 'changed', changes: ['details'] };
}

function difference(what: string, before: string, after: string): string | undefined {
  return before === after ? undefined : `${what}: ${before || 'none'} -> ${after || 'none'}`;
}

function severityText({ severity, cvss }: Advisory): string {
  return cvss === undefined ? severity : `${severity} (${cvss})`;
}

function affectedText({ affected }: Advisory): string {
  return affected
    .map(({ component, ranges }) => `${component} ${ranges.map(rangeText).join(', ')}`)
    .join('; ');
}

function rangeText({ introduced, fixed, lastAffected }: VersionRange): string {
  if (fixed !== undefined) return `${introduced} to before ${fixed}`;
  return lastAffected === undefined ? `${introduced} on` : `${introduced} to ${lastAffected}`;
}
