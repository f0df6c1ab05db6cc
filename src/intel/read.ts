// One record of any format that is read, told apart by what it says it is.
import type { Advisory } from '../model/advisory.ts';
import { parseCve } from './cve-v5.ts';
import { feedItems, parseFeedItem } from './feed.ts';
import { parseOsv } from './osv.ts';
import { refuseRecord } from './record.ts';
import { parseStackrox } from './stackrox.ts';

/**
 * Reads one record: OSV, CVE Program format 5 and items of the Kubernetes CVE feed are JSON, those of stackrox YAML.
 * @param place the file or URL that it was found in
 * @throws Failure `bad-advisory`, `bad-yaml` with the reason and the field
 */
export function readAdvisory(text: string, place: string): Advisory {
  const record = parseJson(text);
  if (record === undefined) {
    if (/^\s*[[{]/.test(text)) throw refuseRecord(place, '', 'this is not JSON');
    return parseStackrox(text, place);
  }
  if (isObject(record) && record['dataType'] !== undefined) return parseCve(record, place);
  if (isObject(record) && record['_kubernetes_io'] !== undefined) return parseFeedItem(record, place);
  return parseOsv(record, place);
}

/** The records of a file: one, or each item of a JSON Feed, which are put in the file's place as `place#id`. */
export function recordsIn(text: string, place: string): readonly { place: string; record: string }[] {
  const value = parseJson(text);
  if (!isObject(value) || !Array.isArray(value['items'])) return [{ place, record: text }];
  return feedItems(value, place).map((item, i) => ({
    place: `${place}#${i}`,
    record: JSON.stringify(item),
  }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
