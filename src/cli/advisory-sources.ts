// Where advisories come from: files, folders of records, URLs; each as single records.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { recordsIn } from '../intel/read.ts';
import { fetchText } from '../platform/fetch-text.ts';
import { readText } from '../platform/files.ts';

export type SourceRecord = { readonly place: string; readonly record: string };

/**
 * The records of a file, of every `.json`, `.yaml` and `.yml` file in a folder and below, or of an https URL; a JSON Feed is
 * taken apart into its items. @throws Failure `unreadable`; `bad-advisory` of a feed that is none
 */
export async function readSource(source: string): Promise<readonly SourceRecord[]> {
  if (/^[a-z]+:\/\//.test(source)) return recordsIn(await fetchText(source), source);
  return filesOf(source).flatMap((file) => recordsIn(readText(file), file));
}

function filesOf(source: string): readonly string[] {
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) return [source];
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(json|ya?ml)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length === 0) {
    throw new Failure('unreadable', 'the folder holds no records (*.json, *.yaml)', { place: source });
  }
  return files;
}
