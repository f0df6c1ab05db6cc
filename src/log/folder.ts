// The log in a data folder: log.db, and head.json, the last head that was written beside it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { readText, writeWhole } from '../platform/files.ts';
import { formatAnchor, type Head, parseAnchor, type Verification } from './chain.ts';
import { verifyFile } from './sqlite.ts';

export function logPath(dataDir: string): string {
  return join(dataDir, 'log.db');
}

/** Writes the head beside the log, so that a log whose end was cut off is noticed. */
export function writeHead(dataDir: string, head: Head): void {
  writeWhole(join(dataDir, 'head.json'), `${JSON.stringify({ anchor: formatAnchor(head) })}\n`);
}

/** @throws Failure `bad-anchor` when head.json is damaged */
export function readHead(dataDir: string): Head | undefined {
  const place = join(dataDir, 'head.json');
  if (!existsSync(place)) return undefined;
  try {
    return parseAnchor(String((JSON.parse(readText(place)) as { anchor?: unknown }).anchor));
  } catch (cause) {
    throw new Failure('bad-anchor', 'the file that holds the log’s last head is damaged', { place, cause });
  }
}

/**
 * Checks the log of a data folder against head.json and, when given, an anchor kept elsewhere (`seq:hash`). Works while
 * the controller runs.
 * @throws Failure `unreadable`, `bad-anchor`
 */
export function verifyFolder(dataDir: string, anchor?: string): Verification {
  const anchors = anchor === undefined ? [] : [parseAnchor(anchor)];
  const head = readHead(dataDir);
  return verifyFile(logPath(dataDir), head ? [...anchors, head] : anchors);
}
