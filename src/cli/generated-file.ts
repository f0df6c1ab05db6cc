// Files that a command writes for people to read and edit: written anew, but never over an edit.
import { existsSync } from 'node:fs';
import { sha256 } from '../log/chain.ts';
import { readText, writeWhole } from '../platform/files.ts';

const mark = /^# Written by portcullis; edit it and it is kept as you leave it. ([0-9a-f]{64})\n/;

/**
 * Writes the text under a line that holds its hash. A file whose text isn't what its first line says was edited, and
 * stays. Answers what was done, as a sentence. @throws Failure `unreadable`
 */
export function writeGenerated(file: string, text: string): string {
  const present = existsSync(file) ? readText(file) : undefined;
  if (present !== undefined) {
    const hash = mark.exec(present)?.[1];
    const body = present.replace(mark, '');
    if (body === text) return `${file} is as it should be`;
    if (hash !== sha256(body))
      return `kept ${file}, which was edited by hand: what this command line would change in it, it does not`;
  }
  writeWhole(
    file,
    `# Written by portcullis; edit it and it is kept as you leave it. ${sha256(text)}\n${text}`,
  );
  return `${present === undefined ? 'wrote' : 'updated'} ${file}`;
}
