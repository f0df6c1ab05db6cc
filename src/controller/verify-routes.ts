// Verifications, which people make and read.
import { Failure } from '../base/failure.ts';
import { Name } from '../model/common.ts';
import { SignedVerification } from '../model/verification.ts';
import type { Call, Route } from './http-server.ts';
import { readers } from './roles.ts';
import { MiB, parseBody, type Services } from './route-parts.ts';
import { keepVerification, verification, verifications, verifyPlan } from './verifications.ts';

export function verifyRoutes({ core }: Services): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/verify/plan',
      roles: ['admin'],
      handle: (call) => ({ json: verifyPlan(core, clusterOf(call) ?? '') }),
    },
    {
      method: 'POST',
      path: '/v1/verifications',
      roles: ['admin'],
      maxBody: 4 * MiB,
      handle(call) {
        const { caller } = call;
        if (!caller) throw new Failure('no-client-certificate', 'who sends a report must say who they are');
        return { json: { id: keepVerification(core, parseBody(SignedVerification, call.body), caller) } };
      },
    },
    {
      method: 'GET',
      path: '/v1/verifications',
      roles: readers,
      handle(call) {
        const id = call.query.get('id');
        return { json: id === null ? verifications(core, clusterOf(call)) : verification(core, id) };
      },
    },
  ];
}

/** @throws Failure `bad-request` */
function clusterOf({ query }: Call): string | undefined {
  const name = Name.optional().safeParse(query.get('cluster') ?? undefined);
  if (!name.success) throw new Failure('bad-request', 'cluster must be the name of a cluster');
  return name.data;
}
