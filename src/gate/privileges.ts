// Whom a gate's workers belong to: they parse what callers send, and need no right of root's.
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

/** Only root can become somebody else; for anyone else a Failure, not silence. @throws Failure `not-root` */
export function checkRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new Failure('not-root', 'only root can give the workers another user', {
    hint: 'start as root, or leave --user out',
  });
}

/**
 * Becomes that user, without supplementary groups, and checks that root can't be had back.
 * @throws Failure `not-root`
 */
export function becomeUser(user: UnixUser): void {
  checkRoot();
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
