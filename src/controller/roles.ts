// Who may call what, and what becomes of a call by somebody who may not.
import { Failure } from '../base/failure.ts';
import { Role } from '../model/api.ts';
import type { Core } from './core.ts';
import type { Caller, Route } from './http-server.ts';
import { workerKey } from './state.ts';
import { createLimiter } from './tokens.ts';

/** For what people only read: a route that changes anything is not theirs. */
export const readers: readonly Role[] = ['admin', 'viewer'];

/** A route that says nothing of roles is the admins'. */
export function rolesOf({ roles = ['admin'] }: Pick<Route, 'roles'>): readonly Role[] | 'anyone' {
  return roles;
}

/** @throws Failure `wrong-role` */
export function requireRole(
  caller: Caller,
  route: Route,
  denied: (caller: Caller, route: Route) => void,
): void {
  const roles = rolesOf(route);
  if (roles === 'anyone' || roles.includes(caller.role)) return;
  denied(caller, route);
  throw new Failure('wrong-role', `this is for ${roles.join(' and ')}, and you are ${caller.role}`);
}

export type Denials = {
  /** Counts it, and logs it as long as the caller has not many others in the log. */
  take(caller: Caller, route: Route): void;
  /** How many there were since the start, by role. */
  counts(): ReadonlyMap<Role, number>;
};

export function createDenials(core: Core): Denials {
  const counts = new Map(Role.options.map((role) => [role, 0]));
  /** A hostile host, or a script with the wrong identity, must not fill the disk. */
  const entries = createLimiter(core.clock, 20, 1 / 60);
  return {
    take(caller, route) {
      const { role, name } = caller;
      counts.set(role, (counts.get(role) ?? 0) + 1);
      const actor = workerKey(role, name);
      if (!entries.take(actor)) return;
      const roles = rolesOf(route);
      const data = { code: 'wrong-role', role, roles: roles === 'anyone' ? [] : [...roles] };
      core.record([{ kind: 'denied', actor, subject: `${route.method} ${route.path}`, data }]);
    },
    counts: () => counts,
  };
}
