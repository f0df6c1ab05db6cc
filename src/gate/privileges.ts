// Gives up root for good, once keys are read and ports are bound.
import { chownSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Failure } from '../base/failure.ts';
import { readText } from '../platform/files.ts';

export type UnixUser = { readonly uid: number; readonly gid: number };

/** Reads `name` (looked up in /etc/passwd) or `uid:gid`. @throws Failure `bad-user` */
export function parseUser(text: string, passwd = '/etc/passwd'): UnixUser {
  const numbers = /^([0-9]{1,9}):([0-9]{1,9})$/.exec(text);
  const line = numbers
    ? undefined
    : readText(passwd)
        .split('\n')
        .map((row) => row.split(':'))
        .find(([name]) => name === text && text !== '');
  const uid = Number(numbers ? numbers[1] : (line?.[2] ?? NaN));
  const gid = Number(numbers ? numbers[2] : (line?.[3] ?? NaN));
  if (!Number.isInteger(uid) || !Number.isInteger(gid)) {
    throw new Failure('bad-user', `there is no user '${text}' on this host`, {
      hint: 'give a user name or uid:gid',
    });
  }
  if (uid === 0 || gid === 0) {
    throw new Failure('bad-user', 'the user to become must not be root nor in its group');
  }
  return { uid, gid };
}

/**
 * Becomes that user: the data folder is handed over, supplementary groups are dropped, then group and user are set, and
 * it is checked that root can't be had back. Only root can; for anyone else a Failure, not silence.
 * @throws Failure `not-root`
 */
export function becomeUser(user: UnixUser, dataDir: string): void {
  if (process.getuid?.() !== 0) {
    throw new Failure('not-root', 'only root can become another user', {
      hint: 'start as root, or leave --user out',
    });
  }
  chownSync(dataDir, user.uid, user.gid);
  for (const entry of readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(dataDir, entry), user.uid, user.gid);
  }
  process.setgroups?.([user.gid]);
  process.setgid?.(user.gid);
  process.setuid?.(user.uid);
  try {
    process.setuid?.(0);
  } catch {
    return; // as it must be
  }
  throw new Failure('not-root', 'root could be had back after giving it up');
}

/**
 * Will that user get to the data folder? Asked at the start, for later is too late: root can't be had back.
 * @throws Failure `unwritable` naming the folder above it that the user may not pass through
 */
export function checkReach(user: UnixUser, dataDir: string): void {
  for (let folder = dirname(resolve(dataDir)); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const pass = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & pass) === 0) {
      throw new Failure(
        'unwritable',
        'the user that the gate becomes may not pass through this folder to its own',
        {
          place: folder,
          hint: `chmod o+x ${folder}, or another data folder`,
        },
      );
    }
    if (folder === dirname(folder)) return;
  }
}
